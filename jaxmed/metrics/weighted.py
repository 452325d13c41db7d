"""Weighted rows: how a formula becomes a statistic of all resamples at once.

The public statistics take `weights` [resamples, rows]. Formulas take `columns` [rows, resamples],
the transpose, because sorting selects rows and a row is then contiguous in memory.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import label_and_probabilities
from jaxmed.typing import Float, Num

Label: TypeAlias = Num[np.ndarray, "rows"] | Num[np.ndarray, "rows labels"]
Probabilities: TypeAlias = Float[np.ndarray, "rows columns"]
Weights: TypeAlias = Num[np.ndarray, "resamples rows"] | None
Result: TypeAlias = float | Float[np.ndarray, "resamples"]
Statistic: TypeAlias = Callable[..., Result]
"""(label, prediction, weights=None) -> one number, or one number per resample."""
Formula: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(label [rows], prediction [rows, ...], columns [rows, resamples]) -> [resamples]."""


def of_probabilities(
    formula: Formula, label: Label, probabilities: Probabilities, weights: Weights
) -> Result:
    """`formula(label, probabilities, columns)`, or its mean over the labels of a multilabel task.

    Args:
        formula: of true classes [rows] and probabilities [rows, classes].
        label: [rows] classes, or [rows, labels] of 0 and 1.
        probabilities: [rows, classes or labels].
        weights: [resamples, rows], at least 0.

    Returns:
        One number without weights, else [resamples].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.
    """
    label, probabilities = label_and_probabilities(label, probabilities)
    columns = as_columns(weights, len(label))
    probabilities = probabilities.astype(np.float64)
    label = label.astype(np.int64)
    if label.ndim == 1:
        return as_result(formula(label, probabilities, columns), weights)
    scores = [
        formula(truth, np.stack([1 - positive, positive], axis=1), columns)
        for truth, positive in zip(label.T, probabilities.T, strict=True)
    ]
    return as_result(mean_of_defined(np.stack(scores, axis=1)), weights)


def as_columns(weights: Weights, rows: int) -> np.ndarray:
    """Weights as [rows, resamples], or a column of ones if there are none."""
    if weights is None:
        return np.ones((rows, 1))
    weights = checks.real_array("weights", weights)
    if weights.ndim != 2 or weights.shape[1] != rows or not weights.min(initial=0) >= 0:
        raise ValueError(
            f"weights has shape {weights.shape} and minimum {weights.min(initial=0)}, but must "
            f"be [resamples, {rows}], one column per row, and at least 0."
        )
    if not np.isfinite(weights).all():
        raise ValueError("weights holds a number that is not finite, but all must be: correct it.")
    return np.ascontiguousarray(weights.T, dtype=np.float64)


def as_result(values: np.ndarray, weights: Weights) -> Result:
    """One number if there are no weights, else [resamples]."""
    return float(values[0]) if weights is None else values


def mean(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The weighted mean [resamples] of one number per row."""
    return ratio(rows @ columns, columns.sum(axis=0))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def mean_of_defined(scores: np.ndarray) -> np.ndarray:
    """The mean along the last axis of the scores that are not NaN."""
    defined = ~np.isnan(scores)
    return ratio(scores.sum(axis=-1, where=defined), defined.sum(axis=-1))
