"""NIfTI files: their values in the scanner's unit, and their orientation in the patient."""

from __future__ import annotations

import dataclasses
import gzip
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies.volume import Volume, reorient

_SUFFIXES = (".nii", ".nii.gz")
_MM = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
_TO_DICOM = np.diag([-1.0, -1.0, 1.0])  # NIfTI's x and y point to the right and to the front
_CHUNK = 2**24  # bytes decompressed at once
_BROKEN = (OSError, EOFError, ValueError, zlib.error, struct.error)


def is_nifti(path: Path) -> bool:
    """Whether a file has the suffix `.nii` or `.nii.gz`."""
    return path.name.lower().endswith(_SUFFIXES)


def read_nifti(path: str | Path) -> Volume:
    """The volume of a NIfTI file: stored value * slope + intercept, oriented as `Volume`.

    Args:
        path: a `.nii` or `.nii.gz` file with three axes, or two.

    Returns:
        [depth, height, width]; [height, width] where the file holds one slice.

    Raises:
        ModuleNotFoundError: nibabel is not installed.
        FileNotFoundError: The file does not exist.
        ValueError: It is broken, has more axes, colors or complex numbers, has no orientation, or
            holds NaN or infinity.
    """
    path = Path(path)
    image, steps = _open(path)
    try:
        values = image.get_fdata(dtype=np.float32, caching="unchanged")
    except _BROKEN as error:
        raise ValueError(f"{path} is incomplete ({_one_line(error)}): get it again.") from error
    invalid = int(values.size - np.isfinite(values).sum())
    if invalid:
        raise ValueError(
            f"{path} holds NaN or infinity in {invalid} of {values.size} voxels: replace them by a "
            "value with a meaning (np.nan_to_num), and save it again."
        )
    try:
        volume = reorient(values.reshape(_three_axes(image.shape)), steps)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return _as_image(volume) if 1 in volume.values.shape else volume


def read_shape(path: Path) -> tuple[int, ...]:
    """The lengths of the axes longer than 1, after all checks that need no voxels.

    Raises:
        ModuleNotFoundError, FileNotFoundError, ValueError: As `read_nifti`.
    """
    image, _ = _open(path)
    needed = int(image.dataobj.offset) + int(np.prod(image.shape)) * image.get_data_dtype().itemsize
    present = _unpacked_bytes(path, needed)
    if present < needed:
        raise ValueError(f"{path} is cut off: it holds {present} of {needed} bytes. Get it again.")
    return tuple(length for length in _three_axes(image.shape) if length > 1)


def _open(path: Path) -> tuple[Any, np.ndarray]:
    """A file's header with lazy values, and the steps for `reorient`."""
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
        if not isinstance(image, nibabel.Nifti1Pair):  # NIfTI-2 is a subclass
            raise ValueError(f"it is {type(image).__name__}")
    except (*_BROKEN, ImageFileError) as error:
        raise ValueError(
            f"{path} cannot be read as NIfTI ({_one_line(error)}): get it again."
        ) from error
    if not image.shape or 0 in image.shape or max((1, *image.shape[3:])) > 1:
        raise ValueError(
            f"{path} has shape {image.shape}, but must have three axes: take one volume of a "
            "time series (`image.slicer[..., 0]`) and save that."
        )
    kind = image.get_data_dtype()
    if kind.kind not in "iuf":
        raise ValueError(f"{path} holds {kind} values, but must hold one real number per voxel.")
    if not (int(image.header["qform_code"]) or int(image.header["sform_code"])):
        raise ValueError(
            f"{path} has no orientation in the patient (qform and sform are 0), so left and right "
            "are unknown: convert it from its source again."
        )
    unit = _MM.get(image.header.get_xyzt_units()[0], 1.0)
    return image, _TO_DICOM @ image.affine[:3, :3].astype(np.float64) * unit


def _three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A shape of exactly three axes, without or with further axes of length 1."""
    first, second, third = (*shape, 1, 1)[:3]
    return first, second, third


def _as_image(volume: Volume) -> Volume:
    """A single slice as an image."""
    axis = volume.values.shape.index(1)
    spacing = volume.spacing and tuple(np.delete(volume.spacing, axis).tolist())
    return dataclasses.replace(volume, values=volume.values.squeeze(axis), spacing=spacing)


def _unpacked_bytes(path: Path, needed: int) -> int:
    """Bytes of a file after decompression; decompressed only if the size it stores is wrong."""
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


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
