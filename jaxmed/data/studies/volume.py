"""Volumes of measured values, brought to one orientation, one spacing and one shape.

Every volume is [depth, height, width] with depth from the feet to the head, height from the front
to the back and width from the patient's right to the left. An axial slice is then displayed as on a
radiologist's screen, for any file format and direction of acquisition. An image has no depth and
keeps the orientation of its file.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from jaxmed.data.memory import total_memory

_TIE = 1e-6  # of a step: places that are half way up to rounding are half way
_SHEAR = 0.02  # cosine between two axes that is tolerated as a right angle: about one degree


@dataclasses.dataclass(frozen=True)
class Volume:
    """Measured values and their spacing.

    Attributes:
        values: [depth, height, width] float32 in the scanner's unit, such as Hounsfield units;
            [height, width] for an image, and [height, width, 3] for a picture in color.
        spacing: mm from one value to the next along each axis; `None` where a file has none.
        inverted: low values are bright, as in DICOM's MONOCHROME1.
    """

    values: np.ndarray
    spacing: tuple[float, ...] | None
    inverted: bool = False


def reorient(values: np.ndarray, steps: np.ndarray) -> Volume:
    """Permute and flip axes until they point to the head, to the back and to the left.

    Nothing is interpolated: a volume that was acquired obliquely stays oblique, and each of its
    axes gets the nearest direction.

    Args:
        values: [any, any, any], in any order of axes.
        steps: [3, 3], column i is the step from one value to the next along axis i, in mm and in
            the patient's coordinates of DICOM (PS3.3 C.7.6.2.1.1): to the left, to the back, to the
            head.

    Raises:
        ValueError: An axis has no length, or two of them are not at right angles, as for slices
            that were acquired with a tilted gantry.
    """
    order, flipped = orientation(steps)
    spacing = np.linalg.norm(steps, axis=0)
    oriented = np.flip(np.transpose(values, order), flipped)
    return Volume(
        np.ascontiguousarray(oriented, np.float32), tuple(float(spacing[axis]) for axis in order)
    )


def orientation(steps: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How `reorient` permutes and flips axes.

    Args:
        steps: [3, 3], as in `reorient`.

    Returns:
        (for each axis of the result the axis it comes from, the axes of the result that are
        flipped).

    Raises:
        ValueError: As `reorient`.
    """
    check_steps(steps)
    canonical = (steps / np.linalg.norm(steps, axis=0))[::-1]  # rows: to the head, back and left
    order = max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(abs(canonical[to, axis]) for to, axis in enumerate(axes)),
    )
    return order, tuple(to for to, axis in enumerate(order) if canonical[to, axis] < 0)


def check_steps(steps: np.ndarray) -> None:
    """Refuse axes without a length, and axes that are not at right angles.

    Args:
        steps: [3, 3], as in `reorient`.

    Raises:
        ValueError: As `reorient`.
    """
    spacing = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(spacing).all() and spacing.min() > 0):
        raise ValueError(
            f"the spacing is {_format(spacing)} mm, but must be greater than 0: get the file again."
        )
    directions = steps / spacing[None]
    slant = np.abs(directions.T @ directions - np.eye(3)).max()
    if slant > _SHEAR:
        raise ValueError(
            f"two axes are {np.degrees(np.arccos(min(slant, 1.0))):.1f} degrees apart instead of "
            "90, as with a tilted gantry: straighten the volume first (dcm2niix does)."
        )


def check_memory(values: int) -> None:
    """Refuse a volume of more values than this machine's memory can hold twice as float32.

    Args:
        values: their number; they are held twice while axes are permuted.

    Raises:
        ValueError: There are too many.
    """
    needed, present = 8 * values, total_memory()
    if needed > present:
        raise ValueError(
            f"it holds {values:,} values, for which {needed:,} bytes of memory are needed, but "
            f"this machine has {present:,}: cut the study, or read it on a larger one."
        )


def resample(volume: Volume, *, spacing: Sequence[float]) -> Volume:
    """The volume at another spacing, about the same center, interpolated linearly.

    Where the spacing becomes coarser, each new value is a weighted mean over a triangle of two new
    steps, which prevents aliasing. Values beyond the edge repeat those at the edge.

    Args:
        volume: with a spacing of its own.
        spacing: in mm along each axis.

    Raises:
        ValueError: The volume has no spacing or another number of axes, or the result would not
            fit into the memory.
    """
    _check_axes("spacing", spacing, volume)
    if volume.spacing is None:
        raise ValueError("the file has no spacing in mm: pass spacing=None to resize it.")
    ratios = [new / old for new, old in zip(spacing, volume.spacing, strict=True)]
    shape = resampled_shape(volume.values.shape, ratios)
    check_memory(math.prod(shape))  # the spacing of a broken file may be any number
    values = _interpolated(volume.values, shape, ratios)
    return dataclasses.replace(volume, values=values, spacing=tuple(map(float, spacing)))


def resize(volume: Volume, *, shape: Sequence[int]) -> Volume:
    """The whole volume with another number of values along each axis, as in `resample`.

    Args:
        volume: with or without a spacing.
        shape: one number per axis; proportions are not kept.
    """
    _check_axes("shape", shape, volume)
    ratios = [old / new for old, new in zip(volume.values.shape, shape, strict=True)]
    spacing = volume.spacing
    if spacing is not None:
        spacing = tuple(old * ratio for old, ratio in zip(spacing, ratios, strict=True))
    values = _interpolated(volume.values, shape, ratios)
    return dataclasses.replace(volume, values=values, spacing=spacing)


def resampled_shape(shape: Sequence[int], ratios: Sequence[float]) -> tuple[int, ...]:
    """The lengths of a volume whose steps become `ratios` times as long."""
    return tuple(max(1, round(n / ratio)) for n, ratio in zip(shape, ratios, strict=True))


def take_nearest(values: np.ndarray, shape: Sequence[int], ratios: Sequence[float]) -> np.ndarray:
    """Values of the nearest places on another grid about the same center; none is interpolated.

    Half way between two places it is the one with the lower index; beyond the edge, that at the
    edge.

    Args:
        values: any number of axes, such as labels.
        shape: one number per axis.
        ratios: the new step in old steps, along each axis.
    """
    for axis, (count, ratio) in enumerate(zip(shape, ratios, strict=True)):
        length = values.shape[axis]
        if count == length and ratio == 1:
            continue
        rounded = np.ceil(_places(length, count, ratio) - 0.5 - _TIE).astype(int)
        values = np.take(values, rounded.clip(0, length - 1), axis)
    return values


def crop_or_pad(values: np.ndarray, shape: Sequence[int], *, fill: float = 0) -> np.ndarray:
    """`values` cropped or padded about its center to `shape`.

    Where an odd number has to be removed or added, one more is at the far end.

    Args:
        values: any number of axes.
        shape: one number per axis.
        fill: the value of the padding.
    """
    if len(shape) != values.ndim:
        raise ValueError(f"shape is {tuple(shape)}, but values has shape {values.shape}.")
    grid = np.full(tuple(shape), fill, values.dtype)
    extents = list(zip(values.shape, shape, strict=True))
    source = tuple(_center(have, want) for have, want in extents)
    target = tuple(_center(want, have) for have, want in extents)
    grid[target] = values[source]
    return grid


def _center(length: int, part: int) -> slice:
    """The central `part` of an axis, or all of it."""
    start = max(0, (length - part) // 2)
    return slice(start, start + min(length, part))


def _interpolated(values: np.ndarray, shape: Sequence[int], ratios: Sequence[float]) -> np.ndarray:
    for axis, (count, ratio) in enumerate(zip(shape, ratios, strict=True)):
        if count == values.shape[axis] and ratio == 1:
            continue
        weights = _weights(values.shape[axis], count, ratio)
        values = np.moveaxis(np.tensordot(weights, values, (1, axis)), 0, axis)
    return np.ascontiguousarray(values)


def _places(length: int, count: int, ratio: float) -> np.ndarray:
    """The places of new values among the old ones; `ratio` is the new step in old steps."""
    return (np.arange(count) - (count - 1) / 2) * ratio + (length - 1) / 2


def _weights(length: int, count: int, ratio: float) -> np.ndarray:
    """The weight of each old value in each new one, with `ratio` as in `_places`."""
    places = _places(length, count, ratio)
    distance = np.abs(places[:, None] - np.arange(length)[None]) / max(ratio, 1.0)
    weights = np.maximum(0, 1 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _check_axes(name: str, value: Sequence[float], volume: Volume) -> None:
    axes = volume.values.ndim
    if len(value) != axes or min(value) <= 0:
        raise ValueError(
            f"{name} is {tuple(value)}, but must be {axes} positive numbers, one for each axis of "
            f"{'(height, width)' if axes == 2 else '(depth, height, width)'}."
        )


def _format(numbers: np.ndarray) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
