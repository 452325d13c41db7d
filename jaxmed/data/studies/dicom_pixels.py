"""The pixels of a DICOM file: values in the scanner's unit, and errors that a header shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies.dicom_header import (
    frame_attribute,
    frame_count,
    ignore_warnings,
    one_line,
    read_header,
)

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
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
    try:
        with ignore_warnings():
            stored = np.asarray(dataset.pixel_array, np.float32)
            frames = stored.reshape(frame_count(dataset), int(dataset.Rows), int(dataset.Columns))
            scale = [_rescale(dataset, number) for number in range(len(frames))]
    except Exception as error:  # each decoder raises errors of its own
        remedy = "get it again"
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            remedy += f", or install another decoder (pip install {_PLUGINS})"
        raise ValueError(
            f"{path} has pixels that cannot be read ({one_line(error)}): {remedy}."
        ) from error
    slope, intercept = np.asarray(scale, np.float32).T[:, :, None, None]
    return frames * slope + intercept


def check_decoder(path: Path, dataset: Any) -> None:
    """Refuse a file for which no decoder is installed; the message says how to install one."""
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:  # videos
        available = False
    if not available:
        raise ModuleNotFoundError(
            f"{path} is compressed ({syntax.name}), and no decoder for that is installed: "
            f"pip install {_PLUGINS}."
        )


def find_pixel_error(path: Path, dataset: Any) -> str:
    """Why the pixels cannot be read, as far as the header shows it; empty if nothing is wrong."""
    pixels = next((name for name in _PIXELS if name in dataset), None)
    if pixels is None or not dataset.get("Rows") or not dataset.get("Columns"):
        return f"{path} holds no pixels, or ends before them: get it again."
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not str(
        dataset.get("PhotometricInterpretation")
    ).startswith("MONOCHROME"):
        return f"{path} is in color: save such images as PNG, for from_image_folder."
    if dataset.get("BitsAllocated") == 1:
        return f"{path} is a segmentation, not an image: exclude it with keep=."
    if dataset.get("ModalityLUTSequence"):
        return f"{path} maps its values by a table (Modality LUT), which is not supported."
    element = dataset.get_item(pixels, keep_deferred=True)
    stored = getattr(element, "length", 0xFFFFFFFF)
    if stored == 0xFFFFFFFF:  # compressed: no length is stored, and it was read to its end
        return ""
    pixels_per_frame = int(dataset.Rows) * int(dataset.Columns)
    bits = frame_count(dataset) * pixels_per_frame * int(dataset.BitsAllocated)
    present = path.stat().st_size - element.value_tell
    if not _is_deflated(dataset) and min(stored, present) < bits // 8:
        return (
            f"{path} is cut off: it holds {max(0, min(stored, present))} of {bits // 8} bytes of "
            "pixels. Get it again."
        )
    return ""


def _rescale(dataset: Any, number: int) -> tuple[float, float]:
    sequence = "PixelValueTransformationSequence"
    slope = frame_attribute(dataset, number, sequence, "RescaleSlope")
    intercept = frame_attribute(dataset, number, sequence, "RescaleIntercept")
    return float(1 if slope is None else slope), float(intercept or 0)


def _is_deflated(dataset: Any) -> bool:
    return bool(dataset.file_meta.get("TransferSyntaxUID", "") == "1.2.840.10008.1.2.1.99")
