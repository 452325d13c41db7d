"""The header of a NIfTI file, checked before any voxel is read or memory allocated.

Only the bytes of the header itself are read, and none of its extensions: each of them states a
length of its own, which a broken or packed file may exaggerate.
"""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.readers.regular_files import is_regular
from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.volume import check_memory, check_steps

_HEADER = 540  # bytes of NIfTI-2; NIfTI-1 has 348
_MM = {"mm": 1.0, "meter": 1e3, "micron": 1e-3, "unknown": 1.0}
_TO_DICOM = np.diag([-1.0, -1.0, 1.0])  # NIfTI's x and y point to the right and to the front
_CHUNK = 2**24  # bytes decompressed at once
_PLAUSIBLE_RATIO = 100  # from here on, the size that gzip states is counted
_HIGHEST_RATIO = 1000  # gzip reaches 1,032 for nothing but zeros
_SMALL = 2**28  # bytes that may be packed at any ratio, as a small empty mask is


def checked_header(path: Path) -> tuple[Any, np.ndarray]:
    """The nibabel header of a file, and the steps of its axes for `reorient`.

    Raises:
        ModuleNotFoundError: nibabel is not installed.
        FileNotFoundError: The file does not exist.
        ValueError: The header is invalid or does not fit the bytes of the file.
    """
    kinds = _kinds()
    if not is_regular(path):
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    try:
        header, raw = _parsed(_first_bytes(path), kinds)
        shape = tuple(int(length) for length in header.get_data_shape())
        kind = header.get_data_dtype()
        affine = np.asarray(header.get_best_affine(), np.float64)
        offset = int(header.get_data_offset())
        header.get_slope_inter()  # which refuses a slope without an intercept
        infinite = np.isinf([float(raw["scl_slope"]), float(raw["scl_inter"])]).any()
    except Exception as error:  # nibabel raises nearly anything for broken bytes
        raise ValueError(
            f"{path} cannot be read as NIfTI ({one_line(error)}): get it again."
        ) from error
    if not shape or min(shape) < 1 or max((1, *shape[3:])) > 1:
        raise ValueError(
            f"{path} has shape {shape}, but must have three axes, each 1 or longer: take one "
            "volume of a time series (`image.slicer[..., 0]`) and save that."
        )
    if kind.kind not in "iuf":
        raise ValueError(f"{path} holds {kind} values, but must hold one real number per voxel.")
    _check_geometry(path, header, raw, len(shape))
    if infinite:
        raise ValueError(f"{path} has an infinite slope or intercept: get it again.")
    steps = _TO_DICOM @ affine[:3, :3] * _MM.get(header.get_xyzt_units()[0], 1.0)
    try:
        check_steps(steps)
        _check_bytes(path, offset + math.prod(shape) * kind.itemsize)
        check_memory(math.prod(shape))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return header, steps


def affine_in_mm(header: Any) -> np.ndarray:
    """[4, 4], from indices of voxels to mm to the right, to the front and to the head."""
    affine = np.asarray(header.get_best_affine(), np.float64)
    affine[:3] *= _MM.get(header.get_xyzt_units()[0], 1.0)
    return affine


def _kinds() -> dict[int, Any]:
    """The class of a header by its first number, the size of the header."""
    try:
        import nibabel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "NIfTI files need nibabel, which is not installed: pip install 'jaxmed[imaging]'."
        ) from error
    return {348: nibabel.Nifti1Header, 540: nibabel.Nifti2Header}


def _first_bytes(path: Path) -> bytes:
    if _is_packed(path):
        with gzip.open(path) as unpacked:
            return unpacked.read(_HEADER)
    with path.open("rb") as stored:
        return stored.read(_HEADER)


def _parsed(content: bytes, kinds: dict[int, Any]) -> tuple[Any, Any]:
    """The header as nibabel repairs it, and as it is stored."""
    if len(content) < 348:
        raise ValueError(f"it ends after {len(content)} bytes, within the header")
    sizes = struct.unpack("<i", content[:4]) + struct.unpack(">i", content[:4])
    size = next((each for each in sizes if each in kinds), 0)
    if not size or len(content) < size:
        raise ValueError("it does not start with the size of a NIfTI header")
    raw = kinds[size](content[:size], check=False)
    if not bytes(raw["magic"].item()).startswith((b"n+1", b"n+2")):
        raise ValueError("it does not have the signature of a single NIfTI file")
    if not 1 <= int(raw["dim"][0]) <= 7:
        raise ValueError(f"it claims {int(raw['dim'][0])} axes, which must be 1 to 7")
    return kinds[size](content[:size]), raw


def _check_geometry(path: Path, header: Any, raw: Any, axes: int) -> None:
    if not (int(header["qform_code"]) or int(header["sform_code"])):
        raise ValueError(
            f"{path} has no orientation in the patient (qform and sform are 0), so left and right "
            "are unknown: convert it from its source again."
        )
    spacing = np.asarray(raw["pixdim"][1 : 1 + min(axes, 3)], np.float64)
    if not int(header["sform_code"]) and not (np.isfinite(spacing) & (spacing > 0)).all():
        raise ValueError(  # nibabel would read 0 as 1 mm
            f"{path} has voxels of {' x '.join(f'{each:g}' for each in spacing)} mm, which must be "
            "greater than 0: convert it from its source again."
        )


def _check_bytes(path: Path, needed: int) -> None:
    """Compare the bytes that a header claims with those that the file can hold."""
    size = path.stat().st_size
    if not _is_packed(path):
        present = size
    elif needed > max(_SMALL, _HIGHEST_RATIO * size):
        raise ValueError(
            f"it claims {needed:,} bytes in {size:,} packed ones, more than {_HIGHEST_RATIO:,} to "
            "1: get it again, or unpack it if that is right."
        )
    else:
        present = _unpacked_bytes(path, needed, size)
    if present < needed:
        raise ValueError(f"it is cut off: it holds {present} of {needed} bytes. Get it again.")


def _unpacked_bytes(path: Path, needed: int, size: int) -> int:
    """Bytes after decompression, up to `needed`; decompressed where the stated size is doubtful."""
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        stated = struct.unpack("<I", stream.read())[0]  # RFC 1952, ISIZE
    if stated == needed % 2**32 and needed <= _PLAUSIBLE_RATIO * size:
        return needed
    total = 0
    try:
        with gzip.open(path) as unpacked:
            while total < needed and (part := unpacked.read(_CHUNK)):
                total += len(part)
    except Exception:  # a broken stream counts up to where it breaks
        return total
    return total


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"
