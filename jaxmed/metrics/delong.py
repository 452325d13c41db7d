"""DeLong's variance of an AUROC: no resampling, and a test of two models on the same rows.

Rows are taken to be independent; where one patient has several, use the bootstrap by patient. The
normal approximation is poor where the AUROC is near 1 or either class has few rows: an AUROC of
exactly 1 has variance 0, which says that the method has nothing to go on, not that it is certain.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.bootstrap import Interval
from jaxmed.typing import Float, Num

__all__ = ["DeLongTest", "delong_interval", "delong_test", "delong_variance"]


class DeLongTest(NamedTuple):
    """The difference of two AUROCs, first less second, with its z score and two-sided p value."""

    difference: float
    z: float
    p_value: float


def delong_variance(
    label: Num[np.ndarray, "rows"], probabilities: Float[np.ndarray, "rows 2"]
) -> tuple[float, float]:
    """The AUROC of a binary task and the variance of that estimate.

    With m positives and n negatives, a positive's placement is the share of negatives below it
    (ties counting half) and a negative's the share of positives above it:

        variance = var(positives' placements) / m + var(negatives' placements) / n

    Args:
        label: 0 or 1, at least two of each.
        probabilities: class 1 is the positive one.

    Returns:
        The AUROC and its variance.

    Raises:
        ValueError: if shapes disagree or either class has fewer than two rows.

    Example:
        >>> p = np.array([0.1, 0.4, 0.35, 0.8])
        >>> delong_variance(np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1))
        (0.75, 0.125)

    References:
        DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver
        operating characteristic curves, 1988; Sun and Xu, Fast implementation of DeLong's
        algorithm, 2014 (from sorting, O(rows log rows)).
    """
    positives, negatives = _placements(label, probabilities)
    return float(positives.mean()), _variance_of_mean(positives, negatives)


def delong_interval(
    label: Num[np.ndarray, "rows"],
    probabilities: Float[np.ndarray, "rows 2"],
    *,
    level: float = 0.95,
) -> Interval:
    """The AUROC with DeLong's normal interval, cut off at 0 and 1.

    Args:
        label: 0 or 1, at least two of each.
        probabilities: class 1 is the positive one.
        level: the share of intervals that should hold the true value, in (0, 1).

    Returns:
        The AUROC, and that less and plus z standard deviations.

    Raises:
        ValueError: as `delong_variance`, or if `level` lies outside (0, 1).

    References:
        DeLong, DeLong and Clarke-Pearson, 1988; cut off as in Robin et al., pROC, 2011.
    """
    checks.positive("level", level)
    checks.fraction("level", level, below_one=True)
    area, variance = delong_variance(label, probabilities)
    margin = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    return Interval(area, max(0.0, area - margin), min(1.0, area + margin))


def delong_test(
    label: Num[np.ndarray, "rows"],
    first: Float[np.ndarray, "rows 2"],
    second: Float[np.ndarray, "rows 2"],
) -> DeLongTest:
    """Whether two models' AUROCs on the same rows differ.

    The null hypothesis is that both are equal in the population. Training is taken as given:
    another seed is another model.

    Args:
        label: 0 or 1, at least two of each.
        first: one model's probabilities, class 1 the positive one.
        second: the other's, of the same rows in the same order.

    Returns:
        The difference, its z score and the two-sided p value, 1 for models that rank alike.

    Raises:
        ValueError: as `delong_variance`.

    References:
        DeLong, DeLong and Clarke-Pearson, 1988, equation 9.
    """
    placements = zip(_placements(label, first), _placements(label, second), strict=True)
    positives, negatives = (a - b for a, b in placements)
    difference = float(positives.mean())
    variance = _variance_of_mean(positives, negatives)
    if variance == 0:
        z = 0.0 if difference == 0 else math.copysign(math.inf, difference)
    else:
        z = difference / math.sqrt(variance)
    return DeLongTest(difference, z, math.erfc(abs(z) / math.sqrt(2)))


def _placements(label: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    checks.shapes(probabilities=(probabilities, "rows classes"), label=(label, "rows"))
    if probabilities.shape[1] != 2 or not np.isin(label, [0, 1]).all():
        raise ValueError(
            f"probabilities has shape {probabilities.shape} and label holds "
            f"{np.unique(label)[:5]}, but DeLong's method is for two classes: give one class "
            "against the rest."
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities is not finite in some rows: leave them out.")
    score = probabilities[:, 1]
    positive, negative = score[label == 1], score[label == 0]
    if min(len(positive), len(negative)) < 2:
        raise ValueError(
            f"label holds {len(positive)} positives and {len(negative)} negatives, but DeLong's "
            "variance needs at least two of each."
        )
    return _share_below(positive, negative), 1 - _share_below(negative, positive)


def _share_below(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each row, in its order, the share of the others below it, ties counting half."""
    others = np.sort(others)
    below, not_above = (np.searchsorted(others, rows, side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))


def _variance_of_mean(positives: np.ndarray, negatives: np.ndarray) -> float:
    return float(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))
