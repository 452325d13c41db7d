"""What every example of a source of studies has: one grid, one window, an image of that shape."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.studies import volume
from jaxmed.data.studies.folder import Scan
from jaxmed.data.studies.volume import Volume
from jaxmed.data.studies.window import Window, apply_window, fixed_window

_MOST_VALUES = 2**30
"""Of one example: 4 GiB where they are measured."""


def image_of(
    scan: Scan,
    *,
    shape: tuple[int, ...],
    spacing: tuple[float, ...] | None,
    window: Window | None,
) -> np.ndarray:
    """The image of a scan: resampled or resized, cropped or padded, and windowed.

    Args:
        scan: which is read.
        shape: of the image, without channels.
        spacing: mm along each axis; `None` resizes the whole.
        window: computed from the values as they are measured.

    Returns:
        [*shape, channels] uint8; float32 without a window.

    Raises:
        ValueError: The scan cannot be read or brought to that grid; the message names its file.
    """
    measured = scan.read()
    limits = window(measured.values) if window else None
    colored = measured.values.ndim > len(shape)
    channels = np.moveaxis(measured.values, -1, 0) if colored else measured.values[None]
    try:
        images = [
            _fitted(dataclasses.replace(measured, values=each), shape, spacing, limits)
            for each in channels
        ]
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{scan.path}: {error}") from error
    return np.stack(images, axis=-1)


def _fitted(
    measured: Volume,
    shape: tuple[int, ...],
    spacing: tuple[float, ...] | None,
    limits: tuple[float, float] | None,
) -> np.ndarray:
    resampled = (
        volume.resize(measured, shape=shape)
        if spacing is None
        else volume.resample(measured, spacing=spacing)
    )
    if limits is None:
        lowest = float(resampled.values.min())
        return volume.crop_or_pad(resampled.values, shape, fill=lowest)
    return volume.crop_or_pad(apply_window(resampled, limits), shape)


def check_grid(
    shape: Sequence[int], spacing: Sequence[float] | None
) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    """Shape and spacing of every example as tuples; refused where they are no grid."""
    shape = checks.sequence("shape", shape, "whole numbers")
    if len(shape) not in (2, 3):
        raise ValueError(
            f"shape is {shape}, but must be (height, width) or (depth, height, width), each 1 or "
            "more."
        )
    shape = checks.wholes("shape", shape)
    if math.prod(shape) > _MOST_VALUES:
        raise ValueError(
            f"shape is {shape}, but must have at most {_MOST_VALUES:,} values: resample coarser."
        )
    if spacing is not None:
        spacing = checks.sequence("spacing", spacing, "numbers")
        for number in spacing:
            checks.positive("spacing", number)
    if spacing is not None and len(spacing) != len(shape):
        raise ValueError(
            f"spacing is {tuple(spacing)}, but must be one number of mm, greater than 0, for each "
            f"axis of shape {tuple(shape)}."
        )
    return tuple(shape), None if spacing is None else tuple(spacing)


def as_window(window: tuple[float, float] | Window | None) -> Window | None:
    """`(center, width)` as a window; a function or None as it is."""
    if window is None or (callable(window) and not isinstance(window, type)):
        return window
    pair = checks.sequence("window", window, "(center, width)")
    if len(pair) != 2:
        raise ValueError(f"window is {pair}, but must be (center, width), or a function.")
    for number in pair:
        checks.finite("window", number)
    return fixed_window(*pair)


def check_inversion(scans: Sequence[Scan], window: Window | None) -> None:
    """Refuse values of which low ones are bright where no window turns them round."""
    inverted = next((scan for scan in scans if scan.inverted), None)
    if window is None and inverted is not None:
        raise ValueError(
            f"{inverted.path} shows low values as bright (MONOCHROME1), which is lost in values "
            "without a window: pass window=."
        )
