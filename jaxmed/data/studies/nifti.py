"""NIfTI files: their values in the scanner's unit, and how they lie in the patient."""

from __future__ import annotations

import dataclasses
import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies.volume import Volume, canonical

_ENDINGS = (".nii", ".nii.gz")
_MM = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
_TO_DICOM = np.diag([-1.0, -1.0, 1.0])  # NIfTI's x and y run to the right and to the front
_CHUNK = 2**24  # bytes unpacked at once
_BROKEN = (OSError, EOFError, ValueError, zlib.error, struct.error)


def is_nifti(path: Path) -> bool:
    """Whether a file is called NIfTI: `.nii` or `.nii.gz`."""
    return path.name.lower().endswith(_ENDINGS)


def read_nifti(path: str | Path) -> Volume:
    """The volume of a NIfTI file: stored value x slope + intercept, turned as `Volume` has it.

    Args:
        path: a `.nii` or `.nii.gz` file of three axes, or of two.

    Returns:
        [depth, height, width]; [height, width] where the file holds one slice.

    Raises:
        ModuleNotFoundError: nibabel is not installed.
        FileNotFoundError: There is no such file.
        ValueError: It is broken, has more axes, colours or complex numbers, does not say how it
            lies, or holds NaN or infinity.
    """
    path = Path(path)
    image, steps = _opened(path)
    try:
        values = image.get_fdata(dtype=np.float32, caching="unchanged")
    except _BROKEN as error:
        raise ValueError(f"{path} is not whole ({_reason(error)}): get it again.") from error
    wrong = int(values.size - np.isfinite(values).sum())
    if wrong:
        raise ValueError(
            f"{path} holds NaN or infinity in {wrong} of {values.size} voxels: say what stands "
            "there, and save it with that (np.nan_to_num)."
        )
    try:
        volume = canonical(values.reshape(_extent(image.shape)), steps)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return _flat(volume) if 1 in volume.values.shape else volume


def examined(path: Path) -> tuple[int, ...]:
    """The axes of a file that are longer than 1, after all checks that its header allows.

    Raises:
        ModuleNotFoundError, FileNotFoundError, ValueError: As `read_nifti`.
    """
    image, _ = _opened(path)
    needed = int(image.dataobj.offset) + int(np.prod(image.shape)) * image.get_data_dtype().itemsize
    there = _unpacked(path, needed)
    if there < needed:
        raise ValueError(f"{path} is cut off: it holds {there} of {needed} bytes. Get it again.")
    return tuple(length for length in _extent(image.shape) if length > 1)


def _opened(path: Path) -> tuple[Any, np.ndarray]:
    """A file's header and lazy values, and the steps that `canonical` wants."""
    try:
        import nibabel
        from nibabel.filebasedimages import ImageFileError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "NIfTI files need nibabel, which is not installed: pip install 'jaxmed[imaging]'."
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    try:
        image = nibabel.load(path, mmap=False)
        if not isinstance(image, nibabel.Nifti1Pair):  # of which NIfTI-2 is a kind
            raise ValueError(f"it is {type(image).__name__}")
    except (*_BROKEN, ImageFileError) as error:
        raise ValueError(
            f"{path} is no NIfTI file that can be read ({_reason(error)}): get it again."
        ) from error
    if not image.shape or 0 in image.shape or max((1, *image.shape[3:])) > 1:
        raise ValueError(
            f"{path} has shape {image.shape}, but must have three axes: take one volume of a "
            "series in time (`image.slicer[..., 0]`) and save that."
        )
    kind = image.get_data_dtype()
    if kind.kind not in "iuf":
        raise ValueError(f"{path} holds {kind} values, but must hold one real number a voxel.")
    if not (int(image.header["qform_code"]) or int(image.header["sform_code"])):
        raise ValueError(
            f"{path} does not say how it lies in the patient (qform and sform are 0), so left and "
            "right are unknown: convert it anew from its source."
        )
    unit = _MM.get(image.header.get_xyzt_units()[0], 1.0)
    return image, _TO_DICOM @ image.affine[:3, :3].astype(np.float64) * unit


def _extent(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Three axes of what has fewer, or more of length 1."""
    first, second, third = (*shape, 1, 1)[:3]
    return first, second, third


def _flat(volume: Volume) -> Volume:
    """A single slice as an image."""
    axis = volume.values.shape.index(1)
    spacing = volume.spacing and tuple(np.delete(volume.spacing, axis).tolist())
    return dataclasses.replace(volume, values=volume.values.squeeze(axis), spacing=spacing)


def _unpacked(path: Path, needed: int) -> int:
    """How many bytes a file holds, unpacked; all of it is unpacked only where its end is odd."""
    if path.suffix.lower() != ".gz":
        return path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        if struct.unpack("<I", stream.read())[0] == needed % 2**32:  # RFC 1952, ISIZE
            return needed
    total = 0
    try:
        with gzip.open(path) as stream:
            while part := stream.read(_CHUNK):
                total += len(part)
    except _BROKEN:
        pass
    return total


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
