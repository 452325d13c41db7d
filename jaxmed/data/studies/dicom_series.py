"""DICOM series: the slices of a volume, sorted by their positions.

A series is one acquisition. Its files store the position of each slice; file names, their order in
the folder and instance numbers are not used.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.regular_files import is_regular, list_files
from jaxmed.data.studies import dicom, dicom_header, dicom_pixels
from jaxmed.data.studies.dicom import DicomFile, Frame
from jaxmed.data.studies.geometry import TO_NIFTI, Geometry
from jaxmed.data.studies.volume import Volume, check_memory, check_steps, orientation, reorient

_UNEVEN = 0.2  # tolerated difference of distances between slices, as positions are rounded
_SLANT = 1e-3  # tolerated difference between the directions of two slices
_UNIT = 0.02  # tolerated difference between the length of a direction and 1
_SHOWN = 5  # series named in a message


@dataclasses.dataclass(frozen=True)
class Stack:
    """The slices of a volume.

    Attributes:
        frames: from one end to the other, along the normal of the slices.
        steps: [3, 3], column i is the step in mm along axis i of [slices, height, width].
        inverted: low values are bright.
    """

    frames: tuple[Frame, ...]
    steps: np.ndarray
    inverted: bool


def read_dicom_series(path: str | Path, *, keep: Callable[[Any], bool] | None = None) -> Volume:
    """The volume of a folder, or of a multi-frame file, that holds one DICOM series.

    Args:
        path: the folder, which is searched with its sub-folders, or the file. Hidden files in the
            folder, whose names start with a dot, are ignored, as by `from_studies`.
        keep: called with each file's header (a `pydicom.Dataset`); files for which it returns False
            are ignored, such as `lambda header: header.get("SeriesNumber") == 3`.

    Returns:
        Values in the scanner's unit, such as Hounsfield units; see `Volume`.

    Raises:
        ModuleNotFoundError: pydicom, or a decoder of the pixels, is not installed.
        FileNotFoundError: The file or folder does not exist.
        ValueError: A file is broken, there is not exactly one series, or it has a gap, slices of
            unequal spacing or direction, or one slice only. Slices that are missing at an end
            cannot be detected.
    """
    if keep is not None:
        checks.function("keep", keep, "of a file's header")
    return read_series(one_series(checks.path("path", path), keep))


def one_series(
    path: Path, keep: Callable[[Any], bool] | None = None, name: str = "path"
) -> tuple[DicomFile, ...]:
    """The files of the one series in a folder, or the one file that is a series.

    Args:
        path: as for `read_dicom_series`.
        keep: as there.
        name: of the argument, for messages.

    Raises:
        ModuleNotFoundError, FileNotFoundError, ValueError: As `read_dicom_series`, of headers only.
    """
    if not path.is_dir() and not is_regular(path):
        raise FileNotFoundError(f"{name} is {str(path)!r}, but there is no such file or folder.")
    paths: Sequence[Path] = [path]
    if path.is_dir():
        listing = list_files(path, recursive=True)
        for reason in listing.missing.values():
            raise ValueError(reason)
        paths = listing.files
    found = (dicom.read_file(each, keep) for each in paths if dicom_header.is_dicom(each))
    series = group_by_series(file for file in found if file is not None)
    if len(series) != 1:
        first = ", ".join(str(members[0].path) for members in series[:_SHOWN])
        raise ValueError(
            f"{path} holds {len(series)} series of images{f' (such as {first})' if first else ''}, "
            "but must hold one: pass the folder of one series, or choose it with keep=."
        )
    return series[0]


def group_by_series(files: Iterable[DicomFile]) -> list[tuple[DicomFile, ...]]:
    """The files of each series, in the order of the first file of each."""
    series: dict[tuple[str, str], list[DicomFile]] = {}
    for file in files:
        # A file without a SeriesInstanceUID is a series of its own.
        name = (file.study, file.series) if file.series else (file.study, str(file.path))
        series.setdefault(name, []).append(file)
    return [tuple(members) for members in series.values()]


def sort_slices(files: Sequence[DicomFile]) -> Stack:
    """The slices of a series, sorted by position.

    Raises:
        ValueError: The files are not a volume; see `read_dicom_series`.
    """
    for file in files:
        if file.error:
            raise ValueError(file.error)
    frames = [frame for file in files for frame in file.frames]
    first = frames[0]
    if len(frames) == 1:
        raise ValueError(f"{first.path} is one image, but a volume has two slices or more.")
    for file in files:
        if file.shape != files[0].shape or file.inverted != files[0].inverted:
            raise ValueError(
                f"{file.path} is {file.shape[0]}x{file.shape[1]}, but {first.path.name} of the "
                f"same series is {files[0].shape[0]}x{files[0].shape[1]}, or only one of them "
                "has bright low values: choose one kind with keep=."
            )
    for frame in frames:
        _check_plane(frame, first)
    directions = np.array(first.directions)
    if np.abs(np.linalg.norm(directions.reshape(2, 3), axis=1) - 1).max() > _UNIT:
        raise ValueError(
            f"{first.path} has the orientation {first.directions}, whose two directions must be of "
            "length 1: get it again."
        )
    normal = np.cross(directions[:3], directions[3:])
    positions = np.array([frame.position for frame in frames])
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    _check_distances([frames[number] for number in order], along[order])
    extent = positions[order[-1]] - positions[order[0]]
    between_rows, between_columns = first.spacing or (0.0, 0.0)
    steps = [extent / (len(frames) - 1), directions[3:] * between_rows]
    steps.append(directions[:3] * between_columns)
    stack = Stack(
        tuple(frames[number] for number in order), np.stack(steps, axis=1), files[0].inverted
    )
    try:
        check_steps(stack.steps)
        check_memory(len(frames) * math.prod(files[0].shape))
    except ValueError as error:
        raise ValueError(f"{stack.frames[0].path} and the slices beside it: {error}") from error
    return stack


def read_series(files: Sequence[DicomFile]) -> Volume:
    """The values of a series, in the orientation of `Volume`.

    Raises:
        ValueError: As `sort_slices`, and for pixels that cannot be read.
    """
    stack = sort_slices(files)
    last_read: dict[Path, np.ndarray] = {}  # so that a multi-frame file is read once
    slices = []
    for frame in stack.frames:
        if frame.path not in last_read:
            last_read = {frame.path: dicom_pixels.read_pixels(frame.path)}
        slices.append(last_read[frame.path][frame.number])
    volume = reorient(np.stack(slices), stack.steps)
    return dataclasses.replace(volume, inverted=stack.inverted)


def read_image(file: DicomFile) -> Volume:
    """The single image of a file, [height, width], as it is displayed.

    Raises:
        ValueError: The pixels cannot be read.
    """
    pixels = dicom_pixels.read_pixels(file.path)
    return Volume(pixels[0], file.frames[0].spacing, file.inverted)


def series_geometry(files: Sequence[DicomFile]) -> Geometry:
    """How the voxels of a series, [slices, rows, columns], lie in the patient.

    Raises:
        ValueError: As `sort_slices`.
    """
    stack = sort_slices(files)
    order, flipped = orientation(stack.steps)
    affine = np.eye(4)
    affine[:3, :3] = TO_NIFTI @ stack.steps
    affine[:3, 3] = TO_NIFTI @ np.asarray(stack.frames[0].position)
    return Geometry(
        shape=(len(stack.frames), *files[0].shape),
        order=order,
        flipped=flipped,
        steps=tuple(float(step) for step in np.linalg.norm(stack.steps, axis=0)),
        affine=affine,
        frames=stack.frames,
    )


def image_geometry(file: DicomFile) -> Geometry:
    """The grid of a single image, [rows, columns], as it is displayed."""
    return Geometry(shape=file.shape, steps=file.frames[0].spacing, frames=file.frames)


def _check_plane(frame: Frame, first: Frame) -> None:
    if frame.position is None or frame.directions is None or frame.spacing is None:
        raise ValueError(
            f"{frame.path} has no position, orientation or pixel spacing: such an image is not "
            "a slice of a volume."
        )
    if first.directions is None or first.spacing is None:  # raised for `first` itself
        return
    if not np.allclose(frame.directions, first.directions, rtol=0, atol=_SLANT):
        raise ValueError(
            f"{frame.path} has another direction than {first.path.name} of the same series, as "
            "localizers do: exclude them with keep=."
        )
    if not np.allclose(frame.spacing, first.spacing, rtol=_SLANT, atol=0):
        raise ValueError(
            f"{frame.path} has pixels of {frame.spacing[0]:g} x {frame.spacing[1]:g} mm, but "
            f"{first.path.name} of the same series has {first.spacing[0]:g} x "
            f"{first.spacing[1]:g}: choose one kind with keep=."
        )


def _check_distances(frames: Sequence[Frame], along: np.ndarray) -> None:
    """Refuse a gap, or two slices at one position; `along` is in mm along the normal."""
    distances = np.diff(along)
    step = float(np.sort(distances)[(len(distances) - 1) // 2])
    nearest, widest = int(np.argmin(distances)), int(np.argmax(distances))
    if distances[nearest] < (1 - _UNEVEN) * step or step <= 0:
        raise ValueError(
            f"{frames[nearest].path} and {_name(frames[nearest + 1])} lie at {along[nearest]:g} "
            f"and {along[nearest + 1]:g} mm, nearer than the other slices: the series holds "
            "several volumes or copies of files. Choose one with keep=."
        )
    if distances[widest] > (1 + _UNEVEN) * step:
        raise ValueError(
            f"{frames[widest].path} lies at {along[widest]:g} mm and the next slice, "
            f"{_name(frames[widest + 1])}, at {along[widest + 1]:g} mm, where others are "
            f"{step:g} mm apart: get the missing slices."
        )


def _name(frame: Frame) -> str:
    return f"{frame.path.name} (frame {frame.number})" if frame.number else frame.path.name
