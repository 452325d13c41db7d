"""The quantile of conformal prediction, and how many rows it needs."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float


def exact(level: float) -> Fraction:
    """A level as the decimal number that was written: 0.9 is 9/10, so that ceil is exact."""
    checks.fraction("level", level, above_zero=True, below_one=True)
    return Fraction(repr(float(level)))


def quantile_rank(level: float, rows: int) -> int:
    """Which of the sorted scores is the threshold, ceil((rows + 1) level), counted from 1."""
    return math.ceil((rows + 1) * exact(level))


def smallest_calibration(level: float) -> int:
    """The fewest calibration rows that a level can be promised with, ceil(level / (1 - level)).

    With fewer, the threshold is infinite and every set holds all classes.

    Args:
        level: asked coverage, in (0, 1).

    Example:
        >>> smallest_calibration(0.9), smallest_calibration(0.95)
        (9, 19)
    """
    asked = exact(level)
    return math.ceil(asked / (1 - asked))


def conformal_quantile(
    scores: Float[np.ndarray, " rows"], level: float, *, of: str = "calibration"
) -> float:
    """The ceil((rows + 1) level)-th smallest score.

    If the scores of the calibration rows and of a new row are exchangeable, the new one is at most
    this threshold with a probability of at least `level`, and below level + 1 / (rows + 1) where no
    two are equal.

    Args:
        scores: of the calibration rows [rows], finite.
        level: asked coverage, in (0, 1).
        of: what the rows are, for messages.

    Raises:
        ValueError: if there are too few rows; it says how many are needed.

    Example:
        >>> conformal_quantile(np.arange(9.0), 0.9)
        8.0

    References:
        Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al.,
        Distribution-free predictive inference for regression, 2018, section 2.2.
    """
    scores = checks.real_array("scores", scores, "rows")
    if not np.isfinite(scores).all():
        raise ValueError("scores holds a number that is not finite: leave that row out.")
    check_enough(len(scores), level, of)
    place = quantile_rank(level, len(scores)) - 1
    return float(np.partition(scores, place)[place])


def check_enough(rows: int, level: float, of: str) -> None:
    """Refuse a calibration set that is too small for the level."""
    least = smallest_calibration(level)
    if rows < least:
        raise ValueError(
            f"{of} has {rows} rows, but a level of {float(level):g} needs at least {least}: add "
            "rows, or ask for a lower level."
        )
