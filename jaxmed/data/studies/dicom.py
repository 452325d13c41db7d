"""One DICOM file: what its header says of its frames, and their values in the scanner's unit.

Headers are read without the pixels, so that a folder of many thousand files is looked through in
seconds and what is wrong with it is known before anything is trained.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_SUFFIXES = (".dcm", ".dicom", ".ima")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_LARGE = 1024  # bytes from which an element stays on disk: the pixels, that is
_PLUGINS = "pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"


@dataclasses.dataclass(frozen=True)
class Frame:
    """Where one frame lies, in the patient's coordinates (PS3.3 C.7.6.2.1.1).

    Attributes:
        path: its file.
        number: among the frames of the file, from 0.
        position: of the first pixel, in mm; `None` where the file does not say, as of X-rays.
        directions: of a row (3 numbers) and of a column (3 numbers); `None` likewise.
        spacing: mm between rows and between columns; `None` likewise.
    """

    path: Path
    number: int
    position: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    spacing: tuple[float, ...] | None


@dataclasses.dataclass(frozen=True)
class File:
    """What is known of a file before its pixels are read.

    Attributes:
        path: the file.
        patient: its PatientID, which leaves this record for nothing but messages and matching.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        instance: SOPInstanceUID.
        shape: (height, width).
        inverted: low values are bright (MONOCHROME1).
        frames: one or more.
        fault: why it cannot be read, in a sentence; empty where nothing is known against it.
    """

    path: Path
    patient: str
    study: str
    series: str
    instance: str
    shape: tuple[int, int]
    inverted: bool
    frames: tuple[Frame, ...]
    fault: str = ""


def is_dicom(path: Path) -> bool:
    """Whether a file is called DICOM or says so of itself; exports often have no ending."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def header(path: Path) -> Any:
    """The `pydicom.Dataset` of a file, its pixels left on disk.

    Raises:
        ModuleNotFoundError: pydicom is not installed.
        ValueError: It is no DICOM file, or a broken one.
    """
    pydicom = _pydicom()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            dataset = pydicom.dcmread(path, defer_size=_LARGE)
        if any("End of file reached" in str(each.message) for each in seen):
            with _lenient():  # compressed pixels without their end: pydicom drops the rest as well
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if "Rows" not in dataset and not _kind(dataset):
            raise ValueError("it does not say what it holds")
    except Exception as error:  # broken bytes make pydicom raise nearly anything
        raise ValueError(
            f"{path} is no DICOM file that can be read ({_reason(error)}): get it again."
        ) from error
    return dataset


def is_image(dataset: Any) -> bool:
    """Whether a header is of images; reports, plans and directories are not."""
    return "Rows" in dataset or "Image Storage" in _kind(dataset)


def examined(path: Path, dataset: Any) -> File:
    """What a header says; see `File`.

    Raises:
        ModuleNotFoundError: The pixels are compressed, and what would decode them is missing.
        ValueError: A value in the header makes no sense.
    """
    try:
        with _lenient():
            _decodable(path, dataset)
            return File(
                path=path,
                patient=str(dataset.get("PatientID") or "").strip(),
                study=str(dataset.get("StudyInstanceUID") or ""),
                series=str(dataset.get("SeriesInstanceUID") or ""),
                instance=str(dataset.get("SOPInstanceUID") or ""),
                shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
                inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
                frames=tuple(_frame(path, dataset, number) for number in range(_count(dataset))),
                fault=_fault(path, dataset),
            )
    except ModuleNotFoundError:
        raise
    except Exception as error:  # values are parsed when they are asked for
        raise ValueError(f"{path} has a header that cannot be read ({_reason(error)}).") from error


def values(path: Path) -> np.ndarray:
    """All frames of a file in the scanner's unit: stored value x slope + intercept.

    Slope and intercept (PS3.3 C.11.1) are 1 and 0 where a file has none, as those of MRI do.

    Returns:
        [frames, height, width] float32.

    Raises:
        ValueError: The pixels are broken, or compressed in a way that nothing installed reads.
    """
    dataset = header(path)
    try:
        with _lenient():
            stored = np.asarray(dataset.pixel_array, np.float32)
            frames = stored.reshape(_count(dataset), int(dataset.Rows), int(dataset.Columns))
            scale = [_rescale(dataset, number) for number in range(len(frames))]
    except Exception as error:  # each decoder has its own ways to fail
        remedy = "get it again"
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            remedy += f", or install another decoder (pip install {_PLUGINS})"
        raise ValueError(
            f"{path} has pixels that cannot be read ({_reason(error)}): {remedy}."
        ) from error
    slope, intercept = np.asarray(scale, np.float32).T[:, :, None, None]
    return frames * slope + intercept


def _frame(path: Path, dataset: Any, number: int) -> Frame:
    position = _macro(dataset, number, "PlanePositionSequence", "ImagePositionPatient")
    directions = _macro(dataset, number, "PlaneOrientationSequence", "ImageOrientationPatient")
    spacing = _macro(dataset, number, "PixelMeasuresSequence", "PixelSpacing")
    spacing = spacing or dataset.get("ImagerPixelSpacing")  # of X-rays, on the detector
    return Frame(path, number, _numbers(position, 3), _numbers(directions, 6), _numbers(spacing, 2))


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or not len(value):
        return None
    numbers = tuple(float(number) for number in value)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{numbers} should be {count} finite numbers")
    return numbers


def _rescale(dataset: Any, number: int) -> tuple[float, float]:
    sequence = "PixelValueTransformationSequence"
    slope = _macro(dataset, number, sequence, "RescaleSlope")
    intercept = _macro(dataset, number, sequence, "RescaleIntercept")
    return float(1 if slope is None else slope), float(intercept or 0)


def _macro(dataset: Any, number: int, sequence: str, keyword: str) -> Any:
    """An attribute of one frame: its own, all frames' (PS3.3 C.7.6.16), or the whole file's."""
    own = (dataset.get("PerFrameFunctionalGroupsSequence") or [])[number : number + 1]
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for group in [*own, *shared]:
        for item in group.get(sequence) or []:
            if keyword in item:
                return item[keyword].value
    return dataset.get(keyword)


def _kind(dataset: Any) -> str:
    """The name of its SOP class (PS3.6 A), such as CT Image Storage; empty where it has none."""
    meta = dataset.file_meta
    kind = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    return str(kind.name) if kind and kind.name != kind else ""  # what is unknown names itself


def _count(dataset: Any) -> int:
    return int(dataset.get("NumberOfFrames") or 1)


def _decodable(path: Path, dataset: Any) -> None:
    """Refuse what no amount of care with this one file would mend: a decoder is missing."""
    from pydicom.pixels import get_decoder

    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        return
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:  # films, which are no studies of images
        available = False
    if not available:
        raise ModuleNotFoundError(
            f"{path} is compressed ({syntax.name}), and nothing installed decodes that: "
            f"pip install {_PLUGINS}."
        )


def _fault(path: Path, dataset: Any) -> str:
    pixels = next((name for name in _PIXELS if name in dataset), None)
    if pixels is None or not dataset.get("Rows") or not dataset.get("Columns"):
        return f"{path} holds no pixels, or ends before them: get it again."
    if int(dataset.get("SamplesPerPixel") or 1) != 1 or not str(
        dataset.get("PhotometricInterpretation")
    ).startswith("MONOCHROME"):
        return f"{path} is in colour: save such images as PNG, for from_image_folder."
    if dataset.get("BitsAllocated") == 1:
        return f"{path} is a segmentation and no image: leave it out by wanted=."
    if dataset.get("ModalityLUTSequence"):
        return f"{path} maps its values by a table (Modality LUT), which is not supported."
    element = dataset.get_item(pixels, keep_deferred=True)
    held = getattr(element, "length", 0xFFFFFFFF)
    if held == 0xFFFFFFFF:  # compressed: it has no length of its own, and was read to its end
        return ""
    bits = _count(dataset) * int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    there = path.stat().st_size - element.value_tell
    if not _deflated(dataset) and min(held, there) < bits // 8:
        return (
            f"{path} is cut off: it holds {max(0, min(held, there))} of {bits // 8} bytes of "
            "pixels. Get it again."
        )
    return ""


def _deflated(dataset: Any) -> bool:
    return bool(dataset.file_meta.get("TransferSyntaxUID", "") == "1.2.840.10008.1.2.1.99")


def _pydicom() -> Any:
    try:
        import pydicom
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "DICOM files need pydicom, which is not installed: pip install 'jaxmed[imaging]'."
        ) from error
    return pydicom


@contextmanager
def _lenient() -> Iterator[None]:
    """Without pydicom's warnings of every careless header; what matters here is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
