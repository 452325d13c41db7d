"""DICOM segmentations (PS3.3 A.51): which voxels of a series belong to which segment.

A file holds one frame for each slice and segment, in any order, and no frame where a slice has
nothing of a segment. Frames are placed by their positions in the patient.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies.dicom import Frame, frame_of
from jaxmed.data.studies.dicom_header import (
    frame_attribute,
    frame_count,
    ignore_warnings,
    read_header,
)
from jaxmed.data.studies.dicom_pixels import find_size_error
from jaxmed.data.studies.geometry import Geometry

_SOP_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_MOST_FRAMES = 100_000
_OFF = 0.1  # of a voxel, by which a frame may lie beside its slice
_SLANT = 1e-3  # tolerated difference between directions


@dataclasses.dataclass(frozen=True)
class Segments:
    """A DICOM segmentation before its pixels are read.

    Attributes:
        path: the file.
        series: SeriesInstanceUID of the images it belongs to; empty where it names none.
        shape: (height, width) of its frames.
        frames: their positions.
        numbers: of the segment of each frame; 0 where the pixels hold the numbers (LABELMAP).
    """

    path: Path
    series: str
    shape: tuple[int, int]
    frames: tuple[Frame, ...]
    numbers: tuple[int, ...]


def is_segmentation(dataset: Any) -> bool:
    """Whether a header is that of a segmentation."""
    kind = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return str(kind) in _SOP_CLASSES


def read_segments(path: Path, dataset: Any) -> Segments:
    """What the header of a segmentation says.

    Args:
        path: the file.
        dataset: its header, from `dicom_header.read_header`.

    Raises:
        ValueError: It holds probabilities (FRACTIONAL), is broken or cut off, or a frame has no
            segment.
    """
    kind = str(dataset.get("SegmentationType"))
    if kind not in ("BINARY", "LABELMAP"):
        raise ValueError(
            f"{path} is a segmentation of the type {kind}, which holds probabilities, but must be "
            "BINARY or LABELMAP: decide first, and save it as one of these."
        )
    try:
        with ignore_warnings():
            error = _find_error(dataset, kind) or find_size_error(path, dataset, "PixelData")
            if error:
                raise ValueError(f"it {error}")
            count = frame_count(dataset)
            return Segments(
                path=path,
                series=_referenced_series(dataset),
                shape=(int(dataset.Rows), int(dataset.Columns)),
                frames=tuple(frame_of(path, dataset, number) for number in range(count)),
                numbers=tuple(_segment(dataset, number, kind) for number in range(count)),
            )
    except Exception as error:  # pydicom parses values when they are accessed
        raise ValueError(
            f"{path} is a segmentation that cannot be read ({one_line(error)}): get it again."
        ) from error


def place_frames(segments: Segments, image: Geometry) -> tuple[int, ...]:
    """The slice of the image that each frame belongs to.

    Args:
        segments: of which every frame must be one slice of the image.
        image: the geometry of a DICOM series.

    Raises:
        ValueError: The frames lie on another grid, or between the slices.
    """
    path, first = segments.path, image.frames[0]
    if segments.shape != image.shape[1:]:
        raise ValueError(
            f"{path} has frames of {segments.shape[0]} x {segments.shape[1]} pixels, but those of "
            f"its images, such as {first.path.name}, are {image.shape[1]} x {image.shape[2]}: make "
            "it on the grid of its images."
        )
    assert image.affine is not None
    assert first.spacing is not None
    to_index = np.linalg.inv(image.affine)
    slices = []
    for frame in segments.frames:
        if frame.position is None or frame.directions is None or first.directions is None:
            raise ValueError(f"{path} does not say where frame {frame.number} lies: get it again.")
        if not np.allclose(frame.directions, first.directions, rtol=0, atol=_SLANT):
            raise ValueError(
                f"{path} has frames in another direction than its images, such as "
                f"{first.path.name}: make it on the grid of its images."
            )
        x, y, z = frame.position
        index = (to_index @ (-x, -y, z, 1.0))[:3]
        spaced = frame.spacing is None or np.allclose(frame.spacing, first.spacing, rtol=1e-3)
        near = np.abs(index - (np.rint(index[0]), 0, 0)).max() <= _OFF
        if not (spaced and near and 0 <= np.rint(index[0]) < image.shape[0]):
            raise ValueError(
                f"{path} has frame {frame.number} beside the slices of its images, such as "
                f"{first.path.name}: make it on the grid of its images."
            )
        slices.append(int(np.rint(index[0])))
    return tuple(slices)


def read_numbers(path: Path, image: Geometry) -> np.ndarray:
    """The number of the segment of each voxel of the image, 0 where there is none.

    Args:
        path: of the segmentation, whose header is read again: the file may have changed.
        image: the geometry of a DICOM series.

    Returns:
        [slices, rows, columns] int32.

    Raises:
        ValueError: As `read_segments` and `place_frames`; two segments overlap; the pixels cannot
            be read.
    """
    dataset = read_header(path)
    segments = read_segments(path, dataset)
    slices = place_frames(segments, image)
    stored = _read_pixels(segments, dataset)
    numbers = np.zeros(image.shape, np.int32)
    for place, number, pixels in zip(slices, segments.numbers, stored, strict=True):
        found = np.where(pixels, number or pixels.astype(np.int32), 0)
        twice = (found > 0) & (numbers[place] > 0) & (numbers[place] != found)
        if twice.any():
            raise ValueError(
                f"{path} has voxels that belong to the segments "
                f"{numbers[place][twice][0]} and {found[twice][0]}, but a voxel must have one "
                "class: remove one of them from it."
            )
        numbers[place] = np.where(found > 0, found, numbers[place])
    return numbers


def _read_pixels(segments: Segments, dataset: Any) -> np.ndarray:
    try:
        with ignore_warnings():
            stored = np.asarray(dataset.pixel_array)
            return stored.reshape(len(segments.frames), *segments.shape)
    except Exception as error:  # each decoder raises errors of its own
        raise ValueError(
            f"{segments.path} has pixels that cannot be read ({one_line(error)}): get it again."
        ) from error


def _find_error(dataset: Any, kind: str) -> str:
    if "PixelData" not in dataset or not dataset.get("Rows") or not dataset.get("Columns"):
        return "holds no pixels"
    if not 1 <= frame_count(dataset) <= _MOST_FRAMES:
        return f"claims {frame_count(dataset)} frames"
    expected = (1,) if kind == "BINARY" else (8, 16)
    if dataset.get("BitsAllocated") not in expected:
        return f"claims {dataset.get('BitsAllocated')} bits per pixel"
    if int(dataset.get("SamplesPerPixel") or 1) != 1:
        return "is in color"
    return ""


def _segment(dataset: Any, number: int, kind: str) -> int:
    if kind == "LABELMAP":
        return 0
    sequence = "SegmentIdentificationSequence"
    found = frame_attribute(dataset, number, sequence, "ReferencedSegmentNumber")
    if found is None or int(found) < 1:
        raise ValueError(f"frame {number} names no segment")
    return int(found)


def _referenced_series(dataset: Any) -> str:
    for item in dataset.get("ReferencedSeriesSequence") or []:
        return str(item.get("SeriesInstanceUID") or "")
    return ""
