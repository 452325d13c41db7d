"""Operating points: decision thresholds, to be chosen on validation data.

What a model does at a threshold is in `decisions.py`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.decisions import OperatingPoint, operating_point, two_classes
from jaxmed.metrics.arguments import positives_and_probability
from jaxmed.metrics.proportions import proportion_interval
from jaxmed.typing import Float, Int, Num

__all__ = [
    "OperatingPoint",
    "operating_point",
    "threshold_for_sensitivity",
    "threshold_for_specificity",
    "threshold_of_highest_f1",
]


def threshold_for_sensitivity(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows 2"],
    sensitivity: float,
    *,
    positive: str,
    established: bool = False,
    level: float = 0.95,
    method: str = "exact",
    prevalence: float | None = None,
) -> OperatingPoint:
    """The highest threshold at which the positive class is found as often as is required.

    Of all thresholds that reach the sensitivity, it is the one of the highest specificity. Choose
    it on validation data, report it on test data with `operating_point`, and let a model decide by
    it with `transforms.with_threshold(model, point.threshold)`.

    The lower end of the exact interval holds although the threshold was chosen on these rows: it is
    the distribution-free tolerance limit of an order statistic (Wilks 1941), the one-sided one at
    (1 + level) / 2. It says nothing about patients of another kind.

    Args:
        label: [rows], 0 or 1, both there.
        probabilities: [rows, 2]; class 1 is the positive class.
        sensitivity: that is required, in (0, 1).
        positive: the name of the positive class, `judge.classes.positive`.
        established: whether the lower end of the interval must reach it too, and not only the
            share that is found in these rows.
        level: of the intervals, in (0, 1).
        method: "exact" (Clopper and Pearson) or "wilson", of the intervals of proportions.
        prevalence: in (0, 1), where the model will be used; predictive values are given for it too.

    Returns:
        The threshold, a number that float32 holds, and what it does on these rows.

    Raises:
        ValueError: if shapes disagree, a class has no rows, an argument lies outside its range, the
            rows are too few for what is required, or only calling everyone positive reaches it.

    Example:
        >>> p = np.array([0.1, 0.6, 0.2, 0.7, 0.9, 0.4])
        >>> truth, p = np.array([0, 0, 0, 1, 1, 1]), np.stack([1 - p, p], axis=1)
        >>> point = threshold_for_sensitivity(truth, p, 0.6, positive="pneumonia")
        >>> round(point.threshold, 3), round(point.specificity.value, 3)
        (0.7, 1.0)
    """
    checks.fraction("sensitivity", sensitivity, above_zero=True, below_one=True)
    checks.flag("established", established)
    is_positive, score = two_classes(label, probabilities, positive, level, method, prevalence)
    needed = _needed_rows(
        "sensitivity", float(sensitivity), int(is_positive.sum()), f"of {positive}",
        established, level, method,
    )  # fmt: skip
    descending = np.sort(score[is_positive])[::-1]
    threshold = _usable(float(descending[needed - 1]), score)
    if threshold is None or (score >= threshold).all():
        raise ValueError(
            f"sensitivity is {float(sensitivity):g}, but must be one that some threshold reaches "
            f"without calling all {len(score)} rows {positive}: require less, or improve the model."
        )
    return operating_point(
        label, probabilities, threshold,
        positive=positive, level=level, method=method, prevalence=prevalence,
    )  # fmt: skip


def threshold_for_specificity(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows 2"],
    specificity: float,
    *,
    positive: str,
    established: bool = False,
    level: float = 0.95,
    method: str = "exact",
    prevalence: float | None = None,
) -> OperatingPoint:
    """The lowest threshold at which the other class is spared as often as is required.

    Of all thresholds that reach the specificity, it is the one of the highest sensitivity. All else
    is as in `threshold_for_sensitivity`, for the rows that are not of the positive class.

    Args:
        label: [rows], 0 or 1, both there.
        probabilities: [rows, 2]; class 1 is the positive class.
        specificity: that is required, in (0, 1).
        positive: the name of the positive class, `judge.classes.positive`.
        established: whether the lower end of the interval must reach it too.
        level: of the intervals, in (0, 1).
        method: "exact" (Clopper and Pearson) or "wilson", of the intervals of proportions.
        prevalence: in (0, 1), where the model will be used; predictive values are given for it too.

    Returns:
        The threshold, a number that float32 holds, and what it does on these rows.

    Raises:
        ValueError: if shapes disagree, a class has no rows, an argument lies outside its range, the
            rows are too few for what is required, or only calling no one positive reaches it.

    Example:
        >>> p = np.array([0.1, 0.6, 0.2, 0.7, 0.9, 0.4])
        >>> truth, p = np.array([0, 0, 0, 1, 1, 1]), np.stack([1 - p, p], axis=1)
        >>> point = threshold_for_specificity(truth, p, 0.6, positive="pneumonia")
        >>> round(point.threshold, 3), point.sensitivity.value
        (0.4, 1.0)
    """
    checks.fraction("specificity", specificity, above_zero=True, below_one=True)
    checks.flag("established", established)
    is_positive, score = two_classes(label, probabilities, positive, level, method, prevalence)
    needed = _needed_rows(
        "specificity", float(specificity), int((~is_positive).sum()), f"other than {positive}",
        established, level, method,
    )  # fmt: skip
    above = score[score > np.sort(score[~is_positive])[needed - 1]]
    threshold = _usable(float(above.min()), score) if len(above) else None
    if threshold is None:
        raise ValueError(
            f"specificity is {float(specificity):g}, but must be one that some threshold reaches "
            f"and still calls a row {positive}: require less, or improve the model."
        )
    return operating_point(
        label, probabilities, threshold,
        positive=positive, level=level, method=method, prevalence=prevalence,
    )  # fmt: skip


def threshold_of_highest_f1(
    label: Int[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> float:
    """The threshold with the highest F1 of the positive class.

    Positive is `probability >= threshold`. Every distinct probability is tried:
    F1 = 2 TP / (predicted + actual positives). Choose it on validation data: on the data it was
    chosen on, the F1 is biased upwards.

    Args:
        label: 0 or 1 [rows], at least one 1.
        probability: of class 1 [rows].

    Returns:
        One of the probabilities; of several with the same F1, the highest.

    Raises:
        ValueError: if shapes disagree, there are no rows, a probability lies outside [0, 1] or is
            NaN, a label is neither 0 nor 1, or none is 1.

    Example:
        >>> threshold_of_highest_f1(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9]))
        0.4
    """
    positive, probability = positives_and_probability(label, probability)
    if not positive.any():
        raise ValueError(
            "label has no positive row, so no threshold has an F1: use a split with positives."
        )
    order = np.argsort(-probability, kind="stable")
    descending = probability[order]
    true_positives = np.cumsum(positive[order])
    f1 = 2 * true_positives / (np.arange(1, len(positive) + 1) + positive.sum())
    # Equal probabilities share one threshold: the last of them counts all.
    last = np.append(descending[1:] < descending[:-1], True)
    return float(descending[np.where(last, f1, -1).argmax()])


def _needed_rows(
    name: str, required: float, total: int, of: str, established: bool, level: float, method: str
) -> int:
    """Of `total` rows, the fewest whose share reaches what is required; refused where none does."""

    def reaches(count: int, total: int) -> bool:
        found = proportion_interval(count, total, level=level, method=method)
        return (found.low if established else found.value) >= required - 1e-12

    def allows(total: int) -> bool:
        return reaches(total if established else total - 1, total)

    if not allows(total):
        least = _smallest(allows, total)
        why = (
            "even if all were right, its interval would begin lower"
            if established
            else "it would allow no single error"
        )
        raise ValueError(
            f"{name} is {required:g}, which {total} rows {of} cannot establish, because {why}: use "
            f"at least {least:,} such rows, or require less."
        )
    return _smallest(lambda count: count >= total or reaches(count, total), 0)


def _smallest(holds: Callable[[int], bool], above: int) -> int:
    """The smallest whole number from `above` on that holds, where all larger ones do."""
    step = 1
    while not holds(above + step):
        step *= 2
    low, high = above, above + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _usable(threshold: float, score: np.ndarray) -> float | None:
    """A threshold that calls the same rows, lies in (0, 1) and is exact in float32, or None.

    A model holds its threshold in float32. Rounded up, it would leave out the very row it was
    chosen for.
    """
    rounded = np.float32(threshold)
    if float(rounded) > threshold or rounded >= 1:  # as floats: NumPy would compare in float32
        rounded = np.nextafter(rounded, np.float32(0))
    lower = score[score < threshold]
    if rounded <= 0 or (len(lower) and float(rounded) <= float(lower.max())):
        return None
    return float(rounded)
