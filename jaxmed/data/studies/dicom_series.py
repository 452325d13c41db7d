"""DICOM series: the files of a folder put together again, slice by slice, in the right order.

A series is what was acquired in one go. Its files say where each slice lies; their names, their
order in the folder and their instance numbers are not relied on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies import dicom
from jaxmed.data.studies.dicom import File, Frame
from jaxmed.data.studies.volume import Volume, canonical

_UNEVEN = 0.2  # of the distance between slices: what rounded positions may differ by
_SLANT = 1e-3  # between the directions of two slices
_SHOWN = 5  # series named in a message


@dataclasses.dataclass(frozen=True)
class Stack:
    """The slices of a volume.

    Attributes:
        frames: from one end to the other, along the normal of the slices.
        steps: [3, 3], column i is the way in mm along axis i of [slices, height, width].
        inverted: low values are bright.
    """

    frames: tuple[Frame, ...]
    steps: np.ndarray
    inverted: bool


def read_dicom_series(path: str | Path, *, wanted: Callable[[Any], bool] | None = None) -> Volume:
    """The volume of a folder, or a multi-frame file, that holds one DICOM series.

    Args:
        path: the folder, which is searched with its sub-folders, or the file.
        wanted: asked of each file's header (a `pydicom.Dataset`) whether to take it, such as
            `lambda header: header.get("SeriesNumber") == 3`.

    Returns:
        Values in the scanner's unit, such as Hounsfield units; see `Volume`.

    Raises:
        ModuleNotFoundError: pydicom, or what decodes the pixels, is not installed.
        FileNotFoundError: There is no such file or folder.
        ValueError: A file is broken, there is not exactly one series, or it has a gap, slices of
            unequal spacing or direction, or one slice only. Slices that are missing at an end
            cannot be told.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file or folder.")
    paths = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    files = []
    for each in filter(dicom.is_dicom, paths):
        header = dicom.header(each)
        if dicom.is_image(header) and (wanted is None or wanted(header)):
            files.append(dicom.examined(each, header))
    series = by_series(files)
    if len(series) != 1:
        first = ", ".join(str(held[0].path) for held in list(series)[:_SHOWN])
        raise ValueError(
            f"{path} holds {len(series)} series of images{f' (such as {first})' if first else ''}, "
            "but must hold one: name its own folder, or choose it by wanted=."
        )
    return read(series[0])


def by_series(files: Iterable[File]) -> list[tuple[File, ...]]:
    """The files of each series, in the order of the first of each."""
    found: dict[tuple[str, str], list[File]] = {}
    for file in files:
        # Files that name no series belong to nothing but themselves.
        name = (file.study, file.series) if file.series else (file.study, str(file.path))
        found.setdefault(name, []).append(file)
    return [tuple(held) for held in found.values()]


def stack(files: Sequence[File]) -> Stack:
    """The slices of a series in order, or a refusal that names what keeps them from being one.

    Raises:
        ValueError: see `read_dicom_series`.
    """
    for file in files:
        if file.fault:
            raise ValueError(file.fault)
    frames = [frame for file in files for frame in file.frames]
    first = frames[0]
    if len(frames) == 1:
        raise ValueError(f"{first.path} is one image, but a volume has two slices or more.")
    for file in files:
        if file.shape != files[0].shape or file.inverted != files[0].inverted:
            raise ValueError(
                f"{file.path} is {file.shape[0]}x{file.shape[1]}, but {first.path.name} of the "
                f"same series is {files[0].shape[0]}x{files[0].shape[1]}, or only one of them "
                "has bright low values: choose one kind by wanted=."
            )
    for frame in frames:
        _agrees(frame, first)
    directions = np.array(first.directions)
    normal = np.cross(directions[:3], directions[3:])
    positions = np.array([frame.position for frame in frames])
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    _even([frames[number] for number in order], along[order])
    ends = positions[order[-1]] - positions[order[0]]
    between_rows, between_columns = first.spacing or (0.0, 0.0)
    steps = [ends / (len(frames) - 1), directions[3:] * between_rows]
    steps.append(directions[:3] * between_columns)
    return Stack(
        tuple(frames[number] for number in order), np.stack(steps, axis=1), files[0].inverted
    )


def read(files: Sequence[File]) -> Volume:
    """The values of a series, turned as `Volume` has them.

    Raises:
        ValueError: As `stack`, and for pixels that cannot be read.
    """
    stacked = stack(files)
    first = stacked.frames[0]
    held: dict[Path, np.ndarray] = {}  # a multi-frame file is read once
    slices = []
    for frame in stacked.frames:
        if frame.path not in held:
            held = {frame.path: dicom.values(frame.path)}
        slices.append(held[frame.path][frame.number])
    try:
        volume = canonical(np.stack(slices), stacked.steps)
    except ValueError as error:
        raise ValueError(f"{first.path} and the slices beside it: {error}") from error
    return dataclasses.replace(volume, inverted=stacked.inverted)


def read_image(file: File) -> Volume:
    """The one image of a file, [height, width], as it is shown.

    Raises:
        ValueError: Pixels that cannot be read.
    """
    return Volume(dicom.values(file.path)[0], file.frames[0].spacing, file.inverted)


def _agrees(frame: Frame, first: Frame) -> None:
    if frame.position is None or frame.directions is None or frame.spacing is None:
        raise ValueError(
            f"{frame.path} does not say where it lies (position, orientation and pixel spacing): "
            "such an image is no slice of a volume."
        )
    if first.directions is None or first.spacing is None:  # its own turn told so
        return
    if not np.allclose(frame.directions, first.directions, rtol=0, atol=_SLANT):
        raise ValueError(
            f"{frame.path} lies in another direction than {first.path.name} of the same series, "
            "as localizers do: leave them out by wanted=."
        )
    if not np.allclose(frame.spacing, first.spacing, rtol=_SLANT, atol=0):
        raise ValueError(
            f"{frame.path} has pixels of {frame.spacing[0]:g} x {frame.spacing[1]:g} mm, but "
            f"{first.path.name} of the same series has {first.spacing[0]:g} x "
            f"{first.spacing[1]:g}: choose one kind by wanted=."
        )


def _even(frames: Sequence[Frame], along: np.ndarray) -> None:
    """Refuse a gap, or two slices in one place; distances in mm along the normal."""
    apart = np.diff(along)
    step = float(np.sort(apart)[(len(apart) - 1) // 2])
    nearest, widest = int(np.argmin(apart)), int(np.argmax(apart))
    if apart[nearest] < (1 - _UNEVEN) * step or step <= 0:
        raise ValueError(
            f"{frames[nearest].path} and {_called(frames[nearest + 1])} lie at {along[nearest]:g} "
            f"and {along[nearest + 1]:g} mm, nearer than the other slices: a series of several "
            "volumes or copies of files. Choose one by wanted=."
        )
    if apart[widest] > (1 + _UNEVEN) * step:
        raise ValueError(
            f"{frames[widest].path} lies at {along[widest]:g} mm and the next slice, "
            f"{_called(frames[widest + 1])}, at {along[widest + 1]:g} mm, where others are "
            f"{step:g} mm apart: get the missing slices."
        )


def _called(frame: Frame) -> str:
    return f"{frame.path.name} (frame {frame.number})" if frame.number else frame.path.name
