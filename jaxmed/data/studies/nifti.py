"""NIfTI files: their values in the scanner's unit, and their orientation in the patient."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.nifti_header import affine_in_mm, checked_header
from jaxmed.data.studies.volume import Volume, orientation, reorient

_SUFFIXES = (".nii", ".nii.gz")


def is_nifti(path: Path) -> bool:
    """Whether a file has the suffix `.nii` or `.nii.gz`."""
    return path.name.lower().endswith(_SUFFIXES)


def read_nifti(path: str | Path) -> Volume:
    """The volume of a NIfTI file: stored value * slope + intercept, oriented as `Volume`.

    A slope of 0 or NaN stands for no scaling, as the standard and nibabel have it.

    Args:
        path: a `.nii` or `.nii.gz` file with three axes, or two.

    Returns:
        [depth, height, width]; [height, width] where the file holds one slice.

    Raises:
        ModuleNotFoundError: nibabel is not installed.
        FileNotFoundError: The file does not exist, or is a pipe or device.
        ValueError: It is broken, claims more than it holds or than the memory does, has more axes,
            colors or complex numbers, has no orientation or a sheared one, or holds NaN or
            infinity.
    """
    path = checks.path("path", path)
    header, steps = checked_header(path)
    from nibabel.arrayproxy import ArrayProxy

    shape = _three_axes(header.get_data_shape())
    try:
        stored = ArrayProxy(str(path), header, mmap=False)
        values = np.asarray(stored, np.float32)
    except Exception as error:  # nibabel and gzip raise errors of their own
        raise ValueError(f"{path} is incomplete ({one_line(error)}): get it again.") from error
    invalid = int(values.size - np.isfinite(values).sum())
    if invalid:
        raise ValueError(
            f"{path} holds NaN or infinity in {invalid} of {values.size} voxels: replace them by a "
            "value with a meaning (np.nan_to_num), and save it again."
        )
    volume = reorient(values.reshape(shape), steps)
    return _as_image(volume) if 1 in volume.values.shape else volume


def read_shape(path: Path) -> tuple[int, ...]:
    """The lengths of the axes longer than 1, after all checks that need no voxels.

    Raises:
        ModuleNotFoundError, FileNotFoundError, ValueError: As `read_nifti`.
    """
    header, _ = checked_header(path)
    return tuple(length for length in _three_axes(header.get_data_shape()) if length > 1)


def read_geometry(path: Path) -> Geometry:
    """How the voxels of a NIfTI file lie in the patient; none of them is read.

    Raises:
        ModuleNotFoundError, FileNotFoundError, ValueError: As `read_nifti`.
    """
    header, steps = checked_header(path)
    order, flipped = orientation(steps)
    return Geometry(
        shape=tuple(int(length) for length in header.get_data_shape()),
        order=order,
        flipped=flipped,
        steps=tuple(float(step) for step in np.linalg.norm(steps, axis=0)),
        affine=affine_in_mm(header),
    )


def _three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape of exactly three axes, without or with further axes of length 1."""
    first, second, third = (*shape, 1, 1)[:3]
    return int(first), int(second), int(third)


def _as_image(volume: Volume) -> Volume:
    """A single slice as an image."""
    axis = volume.values.shape.index(1)
    spacing = volume.spacing and tuple(np.delete(volume.spacing, axis).tolist())
    return dataclasses.replace(volume, values=volume.values.squeeze(axis), spacing=spacing)
