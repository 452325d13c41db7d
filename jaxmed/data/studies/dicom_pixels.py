"""The pixels of a DICOM file: values in the scanner's unit, and errors that a header shows."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.dicom_header import (
    frame_attribute,
    frame_count,
    ignore_warnings,
    read_header,
)

_BITS = {"PixelData": (8, 16, 32), "FloatPixelData": (32,), "DoubleFloatPixelData": (64,)}
_PIXELS = tuple(_BITS)
_UNKNOWN = 0xFFFFFFFF  # the length of compressed pixels, which are stored in fragments
_MOST_FRAMES = 100_000
_SMALL = 2**28  # bytes that may be compressed at any ratio, as empty slices are
_HIGHEST_RATIO = 1000
_PLUGINS = "pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"


def read_pixels(path: Path) -> np.ndarray:
    """All frames of a file in the scanner's unit: stored value * slope + intercept.

    Slope and intercept (PS3.3 C.11.1) are 1 and 0 where a file has none, as those of MRI do.

    Returns:
        [frames, height, width] float32.

    Raises:
        ValueError: The pixels are broken, or no installed decoder reads them.
    """
    dataset = read_header(path)
    reason = find_pixel_error(path, dataset)  # the file may have changed since it was found
    if reason:
        raise ValueError(reason)
    try:
        with ignore_warnings():
            stored = np.asarray(dataset.pixel_array, np.float32)
            frames = stored.reshape(frame_count(dataset), int(dataset.Rows), int(dataset.Columns))
            scale = [_rescale(dataset, number) for number in range(len(frames))]
            slope, intercept = np.asarray(scale, np.float32).T[:, :, None, None]
            values = frames * slope + intercept
    except Exception as error:  # each decoder raises errors of its own
        remedy = "get it again"
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            remedy += f", or install another decoder (pip install {_PLUGINS})"
        raise ValueError(
            f"{path} has pixels that cannot be read ({one_line(error)}): {remedy}."
        ) from error
    if not np.isfinite(values).all():
        raise ValueError(f"{path} holds NaN or infinity in its pixels: get it again.")
    return values


def check_decoder(path: Path, dataset: Any) -> None:
    """Refuse a file for which no decoder is installed; the message says how to install one."""
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        raise ValueError(f"it is a video or of an unknown kind ({syntax.name})") from None
    if not available:
        raise ModuleNotFoundError(
            f"{path} is compressed ({syntax.name}), and no decoder for that is installed: "
            f"pip install {_PLUGINS}."
        )


def find_pixel_error(path: Path, dataset: Any) -> str:
    """Why the pixels cannot be read, as far as the header shows it; empty if nothing is wrong.

    Claimed sizes are compared with the bytes of the file before anything is allocated or counted
    by frames.
    """
    pixels = next((name for name in _PIXELS if name in dataset), None)
    if pixels is None or not dataset.get("Rows") or not dataset.get("Columns"):
        return f"{path} holds no pixels, or ends before them: get it again."
    frames = frame_count(dataset)
    if not 1 <= frames <= _MOST_FRAMES:
        return f"{path} claims {frames} frames, but must hold 1 to {_MOST_FRAMES:,}: get it again."
    error = _find_kind_error(dataset, pixels) or find_size_error(path, dataset, pixels)
    if error:
        return f"{path} {error}"
    for number in range(frames):
        slope, intercept = _rescale(dataset, number)
        if not slope or not np.isfinite([slope, intercept]).all():
            return (
                f"{path} has the slope {slope:g} and intercept {intercept:g} for its values, which "
                "must be finite, and the slope not 0: get it again."
            )
    return ""


def _find_kind_error(dataset: Any, pixels: str) -> str:
    """Why pixels of this kind are not read."""
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not str(
        dataset.get("PhotometricInterpretation")
    ).startswith("MONOCHROME"):
        return "is in color: save such images as PNG, for from_image_folder."
    bits = dataset.get("BitsAllocated")
    if bits == 1:
        return "is a segmentation, not an image: exclude it with keep=."
    expected = " or ".join(map(str, _BITS[pixels]))
    if bits not in _BITS[pixels]:
        return f"claims {bits} bits per pixel, but must have {expected}: get it again."
    used = dataset.get("BitsStored", bits)
    if not isinstance(used, int) or not 1 <= used <= bits:
        return f"claims that {used} of {bits} bits per pixel are used: get it again."
    if pixels == "PixelData" and dataset.get("PixelRepresentation") not in (0, 1):
        return "does not say whether its values have a sign: get it again."
    if dataset.get("ModalityLUTSequence"):
        return "maps its values by a table (Modality LUT), which is not supported."
    return ""


def find_size_error(path: Path, dataset: Any, pixels: str) -> str:
    """Why the pixels do not fit into the bytes of the file."""
    element = dataset.get_item(pixels, keep_deferred=True)
    pixels_per_frame = int(dataset.Rows) * int(dataset.Columns)
    needed = frame_count(dataset) * pixels_per_frame * int(dataset.BitsAllocated) // 8
    compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if compressed != (getattr(element, "length", _UNKNOWN) == _UNKNOWN):
        stated = "compressed" if compressed else "uncompressed"
        return f"says that its pixels are {stated}, but they are not: get it again."
    if compressed:
        if frame_count(dataset) == 1 and needed <= _SMALL:
            return ""  # most files: nothing that has to be counted in their bytes
        return _find_fragment_error(dataset, dataset[pixels].value, needed)
    in_memory = element.value is not None
    present = len(element.value) if in_memory else path.stat().st_size - element.value_tell
    held = max(0, min(element.length, present))
    if held < needed:
        return f"is cut off: it holds {held} of {needed} bytes of pixels. Get it again."
    return ""


def _find_fragment_error(dataset: Any, content: bytes, needed: int) -> str:
    """Why compressed pixels cannot hold what is claimed: each frame has one fragment or more."""
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    stream = BytesIO(content)
    parse_basic_offsets(stream)
    fragments, _ = parse_fragments(stream)
    if fragments < frame_count(dataset):
        return (
            f"claims {frame_count(dataset)} frames, but holds {fragments} compressed ones: get it "
            "again."
        )
    if needed > max(_SMALL, _HIGHEST_RATIO * len(content)):
        return (
            f"claims {needed:,} bytes of pixels in {len(content):,} compressed ones, more than "
            f"{_HIGHEST_RATIO:,} to 1: get it again."
        )
    return ""


def _rescale(dataset: Any, number: int) -> tuple[float, float]:
    sequence = "PixelValueTransformationSequence"
    slope = frame_attribute(dataset, number, sequence, "RescaleSlope")
    intercept = frame_attribute(dataset, number, sequence, "RescaleIntercept")
    return float(1 if slope is None else slope), float(intercept or 0)
