"""Volumes of measured values, and how they come to one orientation, one spacing and one shape.

Every volume is [depth, height, width] with depth from the feet to the head, height from the front
to the back and width from the patient's right to the left: an axial slice then looks as it does on
a radiologist's screen, whichever format or direction it was stored in. An image has no depth, and
lies as it is shown.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

_SHEAR = 0.02  # cosine between two axes that still counts as a right angle: about one degree


@dataclasses.dataclass(frozen=True)
class Volume:
    """What a scanner measured.

    Attributes:
        values: [depth, height, width] float32 in the scanner's unit, such as Hounsfield units;
            [height, width] of an image.
        spacing: mm from one value to the next along each axis; `None` where a file does not say.
        inverted: low values are the bright ones, as in DICOM's MONOCHROME1.
    """

    values: np.ndarray
    spacing: tuple[float, ...] | None
    inverted: bool = False


def canonical(values: np.ndarray, steps: np.ndarray) -> Volume:
    """Exchange and reverse axes until they run to the head, to the back and to the left.

    Nothing is interpolated: a volume that was acquired at a slant keeps that slant, and each of
    its axes gets the direction that it is nearest to.

    Args:
        values: [any, any, any], in any order of axes.
        steps: [3, 3], column i is the way from one value to the next along axis i, in mm and in the
            patient's coordinates as DICOM has them (PS3.3 C.7.6.2.1.1): to the left, to the back,
            to the head.

    Raises:
        ValueError: An axis has no length, or two of them are not at right angles, as of slices
            that were acquired with a tilted gantry.
    """
    spacing = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(spacing).all() and spacing.min() > 0):
        raise ValueError(
            f"the spacing is {_shown(spacing)} mm, but must be more than 0: get it again."
        )
    directions = steps / spacing[None]
    slant = np.abs(directions.T @ directions - np.eye(3)).max()
    if slant > _SHEAR:
        raise ValueError(
            f"two axes are {np.degrees(np.arccos(min(slant, 1.0))):.1f} degrees apart instead of "
            "90, as where the gantry was tilted: straighten the volume first (dcm2niix does)."
        )
    wanted = directions[::-1]  # rows: to the head, to the back, to the left
    order = max(
        itertools.permutations(range(3)),
        key=lambda axes: sum(abs(wanted[to, axis]) for to, axis in enumerate(axes)),
    )
    backwards = [to for to, axis in enumerate(order) if wanted[to, axis] < 0]
    turned = np.flip(np.transpose(values, order), tuple(backwards))
    return Volume(
        np.ascontiguousarray(turned, np.float32), tuple(float(spacing[axis]) for axis in order)
    )


def resampled(volume: Volume, *, spacing: Sequence[float]) -> Volume:
    """The volume at another spacing, about the same centre.

    Linear between neighbours; where values become fewer, each is a mean over all that it stands
    for, under a triangle as wide as two steps, so that nothing fine turns into a false pattern.
    Past the last value, the last one goes on.

    Args:
        volume: with a spacing of its own.
        spacing: in mm along each axis.

    Raises:
        ValueError: The volume does not say its spacing, or has another number of axes.
    """
    _one_an_axis("spacing", spacing, volume)
    if volume.spacing is None:
        raise ValueError("the file does not say its spacing in mm: pass spacing=None to resize it.")
    ratios = [new / old for new, old in zip(spacing, volume.spacing, strict=True)]
    shape = [max(1, round(n / ratio)) for n, ratio in zip(volume.values.shape, ratios, strict=True)]
    values = _interpolated(volume.values, shape, ratios)
    return dataclasses.replace(volume, values=values, spacing=tuple(map(float, spacing)))


def resized(volume: Volume, *, shape: Sequence[int]) -> Volume:
    """The whole volume with another number of values along each axis, as in `resampled`.

    Args:
        volume: with or without a spacing.
        shape: one number an axis; proportions are not kept.
    """
    _one_an_axis("shape", shape, volume)
    ratios = [old / new for old, new in zip(volume.values.shape, shape, strict=True)]
    spacing = volume.spacing
    if spacing is not None:
        spacing = tuple(old * ratio for old, ratio in zip(spacing, ratios, strict=True))
    values = _interpolated(volume.values, shape, ratios)
    return dataclasses.replace(volume, values=values, spacing=spacing)


def on_grid(values: np.ndarray, shape: Sequence[int], *, fill: float = 0) -> np.ndarray:
    """The centre of `values`, cut or filled up to `shape`.

    Where one more has to go or come on one side than on the other, it is at the far end.

    Args:
        values: any number of axes.
        shape: one number an axis.
        fill: what stands outside.
    """
    if len(shape) != values.ndim:
        raise ValueError(f"shape is {tuple(shape)}, but values has shape {values.shape}.")
    grid = np.full(tuple(shape), fill, values.dtype)
    extents = list(zip(values.shape, shape, strict=True))
    source = tuple(_middle(have, want) for have, want in extents)
    target = tuple(_middle(want, have) for have, want in extents)
    grid[target] = values[source]
    return grid


def _middle(length: int, part: int) -> slice:
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


def _weights(length: int, count: int, ratio: float) -> np.ndarray:
    """What each new value takes of each old one; `ratio` is the new step in old ones."""
    places = (np.arange(count) - (count - 1) / 2) * ratio + (length - 1) / 2
    apart = np.abs(places[:, None] - np.arange(length)[None]) / max(ratio, 1.0)
    weights = np.maximum(0, 1 - apart)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _one_an_axis(name: str, value: Sequence[float], volume: Volume) -> None:
    axes = volume.values.ndim
    if len(value) != axes or min(value) <= 0:
        raise ValueError(
            f"{name} is {tuple(value)}, but must be {axes} positive numbers, one for each axis of "
            f"{'(height, width)' if axes == 2 else '(depth, height, width)'}."
        )


def _shown(numbers: np.ndarray) -> str:
    return " x ".join(f"{number:g}" for number in numbers)
