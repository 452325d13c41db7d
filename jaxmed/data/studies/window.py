"""Windows: the range of measured values that is mapped to the 256 gray levels of an image."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed.data.studies.volume import Volume

Window: TypeAlias = Callable[[np.ndarray], tuple[float, float]]
"""`values -> (low, high)`, which become black and white."""


def fixed_window(center: float, width: float) -> Window:
    """The window of radiologists, from `center - width / 2` to `center + width / 2`.

    The same for every study; LINEAR_EXACT in DICOM (PS3.3 C.11.2.1.3.2). Typical windows in
    Hounsfield units: brain 40 and 80, lung -600 and 1500.

    Args:
        center: in the scanner's unit.
        width: in the same unit, greater than 0.
    """
    if not width > 0:
        raise ValueError(
            f"window has the width {width}, but must be (center, width) with a width above 0."
        )
    return functools.partial(_fixed, low=center - width / 2, high=center + width / 2)


def percentile_window(low: float = 0.5, high: float = 99.5) -> Window:
    """A window computed from each study, for values without a unit such as those of MRI.

    Args:
        low: this percentile of the values, and all below, become black.
        high: this percentile, and all above, become white.
    """
    if not 0 <= low < high <= 100:
        raise ValueError(
            f"percentiles are {low} and {high}, but must rise and lie between 0 and 100."
        )
    return functools.partial(_percentiles, low=low, high=high)


def apply_window(volume: Volume, limits: tuple[float, float]) -> np.ndarray:
    """Gray levels from 0 (black) to 255 (white); values outside the window are clipped.

    Args:
        volume: in the scanner's unit. If it is inverted, low values become white.
        limits: (low, high) of the window.

    Returns:
        uint8, of the same shape.
    """
    low, high = limits
    fraction = np.clip((volume.values - np.float32(low)) / np.float32(high - low), 0, 1)
    levels = np.rint(255 * fraction).astype(np.uint8)
    return 255 - levels if volume.inverted else levels


def _fixed(_values: np.ndarray, *, low: float, high: float) -> tuple[float, float]:
    return low, high


def _percentiles(values: np.ndarray, *, low: float, high: float) -> tuple[float, float]:
    bottom, top = np.percentile(values, (low, high))
    return float(bottom), float(top if top > bottom else bottom + 1)  # a constant image is black
