"""Conformal intervals of measured values."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_arguments import group_labels, group_places, refuse_unasked
from jaxmed.evaluation.conformal_quantile import conformal_quantile, exact
from jaxmed.evaluation.conformal_sets import group_thresholds
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float, Num

INTERVAL_METHODS = ("residual", "cqr")


@dataclasses.dataclass(frozen=True, eq=False)
class ConformalIntervals:
    """What `fit_intervals` counted, from which intervals of new rows are made.

    Attributes:
        level: asked coverage.
        method: "residual" or "cqr".
        thresholds: by how much intervals are wider than the prediction on each side: [1], or one
            per group; of CQR it may be negative.
        groups: names of the groups, in the order of their thresholds, or None.
    """

    level: float
    method: str
    thresholds: np.ndarray
    groups: np.ndarray | None = None

    def intervals(
        self, predicted: Num[np.ndarray, "rows ..."], groups: Any = None
    ) -> Float[np.ndarray, "rows 2"]:
        """The lower and the upper end of each row.

        Args:
            predicted: as for `fit_intervals`.
            groups: of the rows, where the intervals were fitted by group.

        Returns:
            [rows, 2], in the unit of the label.

        Raises:
            ValueError: if the arrays disagree with those of `fit_intervals`, or a group was not
                there.
        """
        predicted = _predicted(self.method, predicted)
        refuse_unasked("groups", groups, asked=self.groups is not None)
        threshold = self.thresholds
        if self.groups is not None:
            places = group_places("groups", groups, self.groups, len(predicted))
            threshold = threshold[places]
        return widened(np, self.method, predicted, threshold)


def fit_intervals(
    label: Num[np.ndarray, " rows"],
    predicted: Num[np.ndarray, "rows ..."],
    *,
    level: float = 0.9,
    method: str = "residual",
    by: Any = None,
) -> ConformalIntervals:
    """Widths of conformal intervals, counted on calibration rows (split conformal prediction).

        residual: value - q .. value + q, as wide for every row
        cqr:      low - q .. high + q around a predicted interval, which is wide where the model
                  is unsure (conformalized quantile regression)

    where q is the ceil((n + 1) level)-th smallest of |label - value|, or of
    max(low - label, label - high), which may be negative.

    **Guaranteed**: if calibration rows and a new row are exchangeable, its interval holds the label
    with a probability of at least `level`, whatever the model. **Not guaranteed**: what `fit_sets`
    does not either: the coverage of one calibration, of patients of one kind unless `by` names it,
    of rows from elsewhere.

    Args:
        label: measured values of the calibration rows [rows].
        predicted: of the same rows: the value [rows] for "residual", the lower and the upper end
            [rows, 2] for "cqr".
        level: asked coverage, in (0, 1).
        method: "residual" or "cqr".
        by: labels of groups [rows], numbers or strings, for a threshold of each (Mondrian).

    Raises:
        ValueError: if arrays disagree, or there are too few rows for the level, in all or of a
            group; it says how many are needed.

    Example:
        >>> found = fit_intervals(np.arange(9.0), np.zeros(9), level=0.9)
        >>> found.intervals(np.array([10.0]))
        array([[ 2., 18.]])

    References:
        Lei et al., Distribution-free predictive inference for regression, 2018, section 2.2;
        Romano, Patterson and Candès, Conformalized quantile regression, 2019.
    """
    exact(level)
    checks.known("method", method, INTERVAL_METHODS)
    label = checks.real_array("label", label, "rows").astype(np.float64)
    check_rows("label", label)
    predicted = _predicted(method, predicted)
    checks.shapes(label=(label, "rows"), predicted=(predicted, _AXES[method]))
    scores = interval_scores(method, predicted, label)
    if by is None:
        return ConformalIntervals(
            float(level), method, np.array([conformal_quantile(scores, level)])
        )
    names, thresholds = group_thresholds(scores, group_labels("by", by, len(label)), level)
    return ConformalIntervals(float(level), method, thresholds, names)


def interval_scores(method: str, predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    """By how much the prediction must be widened to hold the label [rows]."""
    if method == "residual":
        return np.abs(label - predicted)
    return np.maximum(predicted[:, 0] - label, label - predicted[:, 1])


def float32_scores(method: str, predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    """`interval_scores` for intervals that are computed in float32, rounded up [rows].

    Rounding keeps the order of numbers: if value - score is at most the largest float32 that is not
    above the label, then so is value - score in float32. An interval that is widened by the score
    of a row, or more, therefore holds the label of this row.

    Args:
        method: of the scores.
        predicted: [rows] or [rows, 2], float32.
        label: [rows].
    """
    below, above = (_float32(label, end).astype(np.float64) for end in (-np.inf, np.inf))
    wide = predicted.astype(np.float64)
    exact = np.maximum(interval_scores(method, wide, below), interval_scores(method, wide, above))
    return _float32(exact, np.inf)


def _float32(numbers: np.ndarray, end: float) -> np.ndarray:
    """The nearest float32 that is not beyond, towards an end."""
    numbers = np.asarray(numbers)
    found = numbers.astype(np.float32)
    short = found < numbers if end > 0 else found > numbers
    return np.where(short, np.nextafter(found, np.float32(end)), found)


def widened(xp: ModuleType, method: str, predicted: Any, threshold: Any) -> Any:
    """The interval of each row [rows, 2]; where it would be empty, its middle.

    Args:
        xp: numpy or jax.numpy.
        method: "residual" or "cqr".
        predicted: [rows] or [rows, 2].
        threshold: [1] or [rows].
    """
    ends = (predicted, predicted) if method == "residual" else (predicted[:, 0], predicted[:, 1])
    middle = (ends[0] + ends[1]) / 2
    low, high = xp.minimum(ends[0] - threshold, middle), xp.maximum(ends[1] + threshold, middle)
    return xp.stack([low, high], axis=1)


_AXES = {"residual": "rows", "cqr": "rows ends"}


def _predicted(method: str, predicted: Any) -> np.ndarray:
    found = checks.real_array("predicted", predicted, _AXES[method]).astype(np.float64)
    check_rows("predicted", found)
    if method == "cqr" and (found.shape[1] != 2 or (found[:, 0] > found[:, 1]).any()):
        raise ValueError(
            f"predicted has shape {found.shape}, but must hold a lower and an upper end per row, "
            "in this order: sort them."
        )
    return found
