"""DeLong's variance of an AUROC: intervals without resampling, and tests of two models.

Rows are assumed to be independent: if patients have several rows, use the bootstrap by patient. The
normal approximation is poor if the AUROC is near 1 or a class has few rows. An AUROC of exactly 1
has variance 0; this is a limit of the method and does not mean that the AUROC is certain.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.bootstrap import Interval
from jaxmed.typing import Float, Num

__all__ = [
    "DeLongTest",
    "delong_interval",
    "delong_test",
    "delong_test_unpaired",
    "delong_variance",
]


class DeLongTest(NamedTuple):
    """The difference of two AUROCs (first - second), its z score and two-sided p value."""

    difference: float
    z: float
    p_value: float


def delong_variance(
    label: Num[np.ndarray, "rows"], probabilities: Float[np.ndarray, "rows 2"]
) -> tuple[float, float]:
    """The AUROC of a binary task and the variance of that estimate.

    With m positives and n negatives, the placement of a positive is the fraction of negatives
    ranked below it (ties counting half), and that of a negative the fraction of positives above it:

        variance = var(positives' placements) / m + var(negatives' placements) / n

    Args:
        label: [rows], 0 or 1, at least two of each.
        probabilities: [rows, 2]; class 1 is the positive class.

    Returns:
        The AUROC and its variance.

    Raises:
        ValueError: if shapes disagree or a class has fewer than two rows.

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
    """The AUROC with DeLong's normal interval, clipped to [0, 1].

    Args:
        label: [rows], 0 or 1, at least two of each.
        probabilities: [rows, 2]; class 1 is the positive class.
        level: nominal coverage, in (0, 1).

    Returns:
        The AUROC, and the AUROC minus and plus z standard errors.

    Raises:
        ValueError: as `delong_variance`, or if `level` lies outside (0, 1).

    References:
        DeLong, DeLong and Clarke-Pearson, 1988; clipped as in Robin et al., pROC, 2011.
    """
    checks.fraction("level", level, above_zero=True, below_one=True)
    area, variance = delong_variance(label, probabilities)
    margin = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(variance)
    return Interval(area, max(0.0, area - margin), min(1.0, area + margin))


def delong_test(
    label: Num[np.ndarray, "rows"],
    first: Float[np.ndarray, "rows 2"],
    second: Float[np.ndarray, "rows 2"],
) -> DeLongTest:
    """Test whether the AUROCs of two models on the same rows differ.

    The null hypothesis is that both are equal in the population. The models are fixed: variation
    between training runs is not part of the test.

    Args:
        label: [rows], 0 or 1, at least two of each.
        first: probabilities [rows, 2] of one model; class 1 is the positive class.
        second: those of the other model for the same rows in the same order.

    Returns:
        The difference, its z score and the two-sided p value, which is 1 for equal rankings.

    Raises:
        ValueError: as `delong_variance`.

    References:
        DeLong, DeLong and Clarke-Pearson, 1988, equation 9.
    """
    placements = zip(
        _placements(label, first, "first"), _placements(label, second, "second"), strict=True
    )
    positives, negatives = (a - b for a, b in placements)
    return _test(float(positives.mean()), _variance_of_mean(positives, negatives))


def delong_test_unpaired(
    first_label: Num[np.ndarray, "first"],
    first: Float[np.ndarray, "first 2"],
    second_label: Num[np.ndarray, "second"],
    second: Float[np.ndarray, "second 2"],
) -> DeLongTest:
    """Test whether the AUROCs of two groups of rows differ, such as those of women and men.

    No row, and no patient, may be in both groups: the variances are added. For two models on the
    same rows use `delong_test`, whose variance is smaller.

    Args:
        first_label: [first], 0 or 1, at least two of each.
        first: probabilities [first, 2] of one group; class 1 is the positive class.
        second_label: [second], 0 or 1, at least two of each.
        second: probabilities [second, 2] of the other group.

    Returns:
        The difference, its z score and the two-sided p value.

    Raises:
        ValueError: as `delong_variance`.

    Example:
        >>> p = np.array([0.1, 0.4, 0.35, 0.8])
        >>> label, p = np.array([0, 0, 1, 1]), np.stack([1 - p, p], axis=1)
        >>> delong_test_unpaired(label, p, label, p)
        DeLongTest(difference=0.0, z=0.0, p_value=1.0)

    References:
        DeLong, DeLong and Clarke-Pearson, 1988; Hanley and McNeil, The meaning and use of the area
        under a ROC curve, 1982 (two independent samples).
    """
    groups = (
        _placements(first_label, first, "first", "first_label"),
        _placements(second_label, second, "second", "second_label"),
    )
    areas = [float(positives.mean()) for positives, _ in groups]
    return _test(areas[0] - areas[1], sum(_variance_of_mean(*group) for group in groups))


def _test(difference: float, variance: float) -> DeLongTest:
    if variance == 0:
        z = 0.0 if difference == 0 else math.copysign(math.inf, difference)
    else:
        z = difference / math.sqrt(variance)
    return DeLongTest(difference, z, math.erfc(abs(z) / math.sqrt(2)))


def _placements(
    label: np.ndarray,
    probabilities: np.ndarray,
    name: str = "probabilities",
    label_name: str = "label",
) -> tuple[np.ndarray, np.ndarray]:
    label = checks.real_array(label_name, label)
    probabilities = checks.real_array(name, probabilities, "rows classes")
    checks.shapes(**{name: (probabilities, "rows classes"), label_name: (label, "rows")})
    if probabilities.shape[1] != 2 or not np.isin(label, [0, 1]).all():
        raise ValueError(
            f"{name} has shape {probabilities.shape} and {label_name} holds "
            f"{np.unique(label)[:5]}, but DeLong's method needs two classes: compare one class "
            "with the rest."
        )
    if not np.isfinite(probabilities).all():
        raise ValueError(f"{name} is not finite in some rows: leave these rows out.")
    score = probabilities[:, 1]
    positive, negative = score[label == 1], score[label == 0]
    if min(len(positive), len(negative)) < 2:
        raise ValueError(
            f"{label_name} holds {len(positive)} positives and {len(negative)} negatives, but "
            "DeLong's variance needs at least two of each."
        )
    return _fraction_below(positive, negative), 1 - _fraction_below(negative, positive)


def _fraction_below(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each row, the fraction of the others below it, ties counting half."""
    others = np.sort(others)
    below, not_above = (np.searchsorted(others, rows, side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))


def _variance_of_mean(positives: np.ndarray, negatives: np.ndarray) -> float:
    return float(positives.var(ddof=1) / len(positives) + negatives.var(ddof=1) / len(negatives))
