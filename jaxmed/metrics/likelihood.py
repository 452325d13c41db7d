"""Likelihood ratios of a decision at a threshold: how much an answer changes the odds."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_both_classes, positives_and_score
from jaxmed.metrics.bootstrap import Interval
from jaxmed.typing import Float, Num

__all__ = ["LikelihoodRatios", "likelihood_ratios", "likelihood_ratios_of_counts"]


class LikelihoodRatios(NamedTuple):
    """By how much a positive and a negative answer multiply the odds of the positive class."""

    positive: Interval
    negative: Interval


def likelihood_ratios(
    label: Num[np.ndarray, "rows"],
    probabilities: Float[np.ndarray, "rows 2"],
    *,
    threshold: float = 0.5,
    level: float = 0.95,
) -> LikelihoodRatios:
    """The likelihood ratios of both answers, where positive is `probability >= threshold`.

        LR+ = sensitivity / (1 - specificity)        LR- = (1 - sensitivity) / specificity

    The odds of the positive class after an answer are those before it times the ratio. The
    interval is that of the log method: normal in log LR+, with the variance
    1/TP - 1/(TP + FN) + 1/FP - 1/(FP + TN), and likewise in log LR-.

    Where one of the four cells is 0, the values stay what the formulas say: infinite where only
    the denominator is 0, and NaN without an interval where both are. The interval is then computed
    with 1/2 added to every cell, and extended to the value.

    Args:
        label: [rows], 0 or 1, both there.
        probabilities: [rows, 2]; class 1 is the positive class.
        threshold: in [0, 1].
        level: nominal coverage, in (0, 1).

    Returns:
        Both ratios with their intervals, from 0 to infinity.

    Raises:
        ValueError: if shapes disagree, a class has no rows, or an argument lies outside its range.

    Example:
        >>> p = np.array([0.1, 0.6, 0.2, 0.7, 0.9, 0.4])
        >>> found = likelihood_ratios(np.array([0, 0, 0, 1, 1, 1]), np.stack([1 - p, p], axis=1))
        >>> round(found.positive.value, 3), round(found.negative.value, 3)
        (2.0, 0.5)

    References:
        Simel, Samsa and Matchar, Likelihood ratios with confidence: sample size estimation for
        diagnostic test studies, 1991; Haldane, The estimation and significance of the logarithm of
        a ratio of frequencies, 1956 (1/2 added).
    """
    checks.fraction("threshold", threshold)
    positive, score = positives_and_score(label, probabilities)
    check_both_classes(positive)
    called = score >= float(threshold)
    return likelihood_ratios_of_counts(
        int((called & positive).sum()),
        int((called & ~positive).sum()),
        int((~called & positive).sum()),
        int((~called & ~positive).sum()),
        level=level,
    )


def likelihood_ratios_of_counts(
    true_positives: int,
    false_positives: int,
    false_negatives: int,
    true_negatives: int,
    *,
    level: float = 0.95,
) -> LikelihoodRatios:
    """The same of the four counts; at least one positive and one negative case.

    Args:
        true_positives: positive cases that are called positive.
        false_positives: negative cases that are called positive.
        false_negatives: positive cases that are called negative.
        true_negatives: negative cases that are called negative.
        level: nominal coverage, in (0, 1).

    Example:
        >>> found = likelihood_ratios_of_counts(90, 20, 10, 80)
        >>> round(found.positive.value, 3), round(found.negative.value, 3)
        (4.5, 0.125)
    """
    given = {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": true_negatives,
    }
    cells = [checks.whole(name, count, least=0) for name, count in given.items()]
    checks.fraction("level", level, above_zero=True, below_one=True)
    tp, fp, fn, tn = cells
    if tp + fn == 0 or fp + tn == 0:
        raise ValueError(
            f"true_positives, false_positives, false_negatives and true_negatives are {cells}, but "
            "must hold positive and negative cases: use a split with both."
        )
    z = NormalDist().inv_cdf((1 + level) / 2)
    return LikelihoodRatios(_ratio(tp, fn, fp, tn, z), _ratio(fn, tp, tn, fp, z))


def _ratio(a: float, a_rest: float, b: float, b_rest: float, z: float) -> Interval:
    """The ratio of a / (a + a_rest) and b / (b + b_rest), with its interval by the log method."""
    value = _value(a, a_rest, b, b_rest)
    if math.isnan(value):
        return Interval(value, math.nan, math.nan)
    if min(a, a_rest, b, b_rest) == 0:
        a, a_rest, b, b_rest = (cell + 0.5 for cell in (a, a_rest, b, b_rest))
    center = math.log(_value(a, a_rest, b, b_rest))
    margin = z * math.sqrt(1 / a - 1 / (a + a_rest) + 1 / b - 1 / (b + b_rest))
    low, high = math.exp(center - margin), math.exp(center + margin)
    return Interval(value, min(low, value), max(high, value))


def _value(a: float, a_rest: float, b: float, b_rest: float) -> float:
    if b == 0:
        return math.inf if a > 0 else math.nan
    return (a / (a + a_rest)) / (b / (b + b_rest))
