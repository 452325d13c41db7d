"""What the header of a DICOM file says about the file and its frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.groups import spelled
from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.dicom_header import (
    frame_attribute,
    frame_count,
    ignore_warnings,
    is_image,
    read_header,
)
from jaxmed.data.studies.dicom_pixels import check_decoder, find_pixel_error


@dataclasses.dataclass(frozen=True)
class Frame:
    """The position of one frame in the patient's coordinates (PS3.3 C.7.6.2.1.1).

    Attributes:
        path: its file.
        number: among the frames of the file, from 0.
        position: of the first pixel, in mm; `None` where the file has none, as for X-rays.
        directions: of a row (3 numbers) and of a column (3 numbers); `None` where it has none.
        spacing: mm between rows and between columns; `None` where it has none.
    """

    path: Path
    number: int
    position: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    spacing: tuple[float, ...] | None


@dataclasses.dataclass(frozen=True)
class DicomFile:
    """What is known of a file before its pixels are read.

    Attributes:
        path: the file.
        patient: its PatientID; used for messages and to match labels, and for nothing else.
        study: StudyInstanceUID.
        series: SeriesInstanceUID.
        instance: SOPInstanceUID.
        shape: (height, width).
        inverted: low values are bright (MONOCHROME1).
        frames: one or more; of a file with an error, the first two at most.
        error: why it cannot be read, in one sentence; empty if no error is known.
    """

    path: Path
    patient: str
    study: str
    series: str
    instance: str
    shape: tuple[int, int]
    inverted: bool
    frames: tuple[Frame, ...]
    error: str = ""


def read_file(path: Path, keep: Callable[[Any], bool] | None) -> DicomFile | None:
    """What the header of a DICOM file says; `None` for a report or plan, or if it is not kept.

    Args:
        path: the file.
        keep: called with the header, as in `from_studies`; an error of its own is raised as it is.

    Raises:
        ModuleNotFoundError: pydicom, or a decoder of the pixels, is not installed.
        ValueError: The file is broken.
    """
    dataset = read_header(path)
    if not is_image(dataset) or (keep is not None and not _is_kept(path, dataset, keep)):
        return None
    return parse_header(path, dataset)


def parse_header(path: Path, dataset: Any) -> DicomFile:
    """The file as its header describes it.

    Args:
        path: the file.
        dataset: its header, from `dicom_header.read_header`.

    Raises:
        ModuleNotFoundError: The pixels are compressed, and no decoder for them is installed.
        ValueError: A value in the header is invalid.
    """
    try:
        with ignore_warnings():
            check_decoder(path, dataset)
            error = find_pixel_error(path, dataset)
            count = frame_count(dataset)
            return DicomFile(
                path=path,
                patient=spelled([str(dataset.get("PatientID"))])[0],
                study=str(dataset.get("StudyInstanceUID") or ""),
                series=str(dataset.get("SeriesInstanceUID") or ""),
                instance=str(dataset.get("SOPInstanceUID") or ""),
                shape=(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)),
                inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
                frames=tuple(
                    frame_of(path, dataset, number)
                    for number in range(min(max(count, 1), 2) if error else count)
                ),
                error=error,
            )
    except ModuleNotFoundError:
        raise
    except Exception as error:  # pydicom parses values when they are accessed
        raise ValueError(f"{path} has an invalid header ({one_line(error)}).") from error


def _is_kept(path: Path, dataset: Any, keep: Callable[[Any], bool]) -> bool:
    try:
        with ignore_warnings():
            return bool(keep(dataset))
    except Exception as error:
        try:
            with ignore_warnings():
                for _ in dataset:  # pydicom parses values when they are accessed
                    pass
        except Exception as broken:
            raise ValueError(f"{path} has an invalid header ({one_line(broken)}).") from broken
        error.add_note(f"It was raised by keep= for the header of {path}.")
        raise


def frame_of(path: Path, dataset: Any, number: int) -> Frame:
    """The position of one frame of a file.

    Raises:
        ValueError: It is no position: not finite, or pixels without a distance.
    """
    position = frame_attribute(dataset, number, "PlanePositionSequence", "ImagePositionPatient")
    directions = frame_attribute(
        dataset, number, "PlaneOrientationSequence", "ImageOrientationPatient"
    )
    spacing = frame_attribute(dataset, number, "PixelMeasuresSequence", "PixelSpacing")
    spacing = spacing or dataset.get("ImagerPixelSpacing")  # of X-rays, on the detector
    distances = _finite_numbers(spacing, 2)
    if distances is not None and min(distances) <= 0:
        raise ValueError(f"its pixels are {distances} mm apart, but must be more than 0")
    return Frame(
        path, number, _finite_numbers(position, 3), _finite_numbers(directions, 6), distances
    )


def _finite_numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or not len(value):
        return None
    numbers = tuple(float(number) for number in value)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{numbers} should be {count} finite numbers")
    return numbers
