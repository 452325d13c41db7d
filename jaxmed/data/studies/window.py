"""Windows: the range of measured values that the 256 shades of an image are spent on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed.data.studies.volume import Volume

Limits: TypeAlias = Callable[[np.ndarray], tuple[float, float]]
"""`values -> (low, high)`, which become black and white."""


def centred(centre: float, width: float) -> Limits:
    """The window that radiologists know by its centre and width, the same for every study.

    That of LINEAR_EXACT (DICOM PS3.3 C.11.2.1.3.2), from `centre - width / 2` to
    `centre + width / 2`: the brain has 40 and 80 Hounsfield units, lungs have -600 and 1500.

    Args:
        centre: in the scanner's unit.
        width: in the same unit, more than 0.
    """
    if not width > 0:
        raise ValueError(
            f"window has the width {width}, but must be (centre, width), width above 0."
        )
    return functools.partial(_fixed, low=centre - width / 2, high=centre + width / 2)


def percentiles(low: float = 0.5, high: float = 99.5) -> Limits:
    """A window of each study's own, for values without a unit such as those of MRI.

    Args:
        low: this percentage of the values is as black as it gets.
        high: and what lies above this one is white.
    """
    if not 0 <= low < high <= 100:
        raise ValueError(
            f"percentiles are {low} and {high}, but must rise and lie between 0 and 100."
        )
    return functools.partial(_of_each, low=low, high=high)


def windowed(volume: Volume, limits: tuple[float, float]) -> np.ndarray:
    """Shades from 0 (black) to 255 (white); what lies outside the window is one of the two.

    Args:
        volume: in the scanner's unit. Where it is inverted, low values become white.
        limits: (low, high) of the window.

    Returns:
        uint8, of the same shape.
    """
    low, high = limits
    share = np.clip((volume.values - np.float32(low)) / np.float32(high - low), 0, 1)
    shades = np.rint(255 * share).astype(np.uint8)
    return 255 - shades if volume.inverted else shades


def _fixed(_values: np.ndarray, *, low: float, high: float) -> tuple[float, float]:
    return low, high


def _of_each(values: np.ndarray, *, low: float, high: float) -> tuple[float, float]:
    bottom, top = np.percentile(values, (low, high))
    return float(bottom), float(top if top > bottom else bottom + 1)  # one flat grey is black
