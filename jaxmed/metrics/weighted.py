"""How a formula becomes a statistic over weighted rows.

A statistic of `jaxmed.metrics` is a formula of confusion matrices, of a ranking or of
scores, and these functions apply it to all resamples at once. Inside, weights are `columns`
[rows, resamples], turned so that taking rows, which sorting does all the time, moves memory that
lies together.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Num

Label: TypeAlias = Num[np.ndarray, "rows"] | Num[np.ndarray, "rows labels"]
Probabilities: TypeAlias = Float[np.ndarray, "rows columns"]
Values: TypeAlias = Float[np.ndarray, "rows"]
Weights: TypeAlias = Num[np.ndarray, "resamples rows"] | None
Result: TypeAlias = float | Float[np.ndarray, "resamples"]


def of_confusion(
    formula: Callable[[np.ndarray], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """`formula` of the confusion matrices [resamples, classes, classes]."""
    return _by_label(lambda *rows: formula(confusion(*rows)), label, probabilities, weights)


def of_ranking(
    formula: Callable[["Ranking"], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """`formula` of the ranking by class 1 of two classes, or its mean over classes."""

    def one_against_rest(
        label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray
    ) -> np.ndarray:
        classes = probabilities.shape[1]
        scores = [
            formula(_ranking(label == k, probabilities[:, k], columns))
            for k in ([1] if classes == 2 else range(classes))
        ]
        return mean_of_defined(np.stack(scores, axis=1))

    return _by_label(one_against_rest, label, probabilities, weights)


def of_rows(
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """The mean of a score of each row."""

    def average(label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return mean(score(label, probabilities), columns)

    return _by_label(average, label, probabilities, weights)


def of_values(
    formula: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    label: Num[np.ndarray, "rows"],
    value: Values,
    weights: Weights,
) -> Result:
    """`formula(label, value, columns)` of a regression."""
    checks.shapes(value=(value, "rows"), label=(label, "rows"))
    _check_rows("value", value)
    _check_rows("label", label)
    columns = as_columns(weights, len(label))
    return _finish(formula(label.astype(np.float64), value.astype(np.float64), columns), weights)


def _by_label(
    formula: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """`formula(label, probabilities, columns)` of a task, or its mean over labels."""
    check_probabilities(label, probabilities)
    columns = as_columns(weights, len(label))
    probabilities = probabilities.astype(np.float64)
    label = label.astype(np.int64)
    if label.ndim == 1:
        return _finish(formula(label, probabilities, columns), weights)
    scores = [
        formula(truth, np.stack([1 - positive, positive], axis=1), columns)
        for truth, positive in zip(label.T, probabilities.T, strict=True)
    ]
    return _finish(mean_of_defined(np.stack(scores, axis=1)), weights)


class Ranking(NamedTuple):
    """Where the positives stand among all rows, best first; weights [positives, resamples].

    Attributes:
        weight: of each positive.
        above: of all rows with a higher score than it.
        reached: of all rows with its score or a higher one.
        last: the place of the last positive with its score [positives].
        total: of all rows [resamples].
    """

    weight: np.ndarray
    above: np.ndarray
    reached: np.ndarray
    last: np.ndarray
    total: np.ndarray


def _ranking(positive: np.ndarray, score: np.ndarray, columns: np.ndarray) -> Ranking:
    order = np.argsort(-score, kind="stable")
    places = np.flatnonzero(positive[order])
    descending = -score[order]
    of_positives = descending[places]
    flagged = np.zeros((len(score) + 1, columns.shape[1]))
    np.cumsum(columns[order], axis=0, out=flagged[1:])
    return Ranking(
        weight=columns[order[places]],
        above=flagged[np.searchsorted(descending, of_positives, "left")],
        reached=flagged[np.searchsorted(descending, of_positives, "right")],
        last=np.searchsorted(of_positives, of_positives, "right") - 1,
        total=flagged[-1],
    )


def as_columns(weights: Weights, rows: int) -> np.ndarray:
    """Weights as [rows, resamples]; a column of ones without."""
    if weights is None:
        return np.ones((rows, 1))
    if weights.ndim != 2 or weights.shape[1] != rows or not weights.min(initial=0) >= 0:
        raise ValueError(
            f"weights has shape {weights.shape} and least value {weights.min(initial=0)}, but must "
            f"be [resamples, {rows}], one column a row, and at least 0."
        )
    return np.ascontiguousarray(weights.T, dtype=np.float64)


def _finish(values: np.ndarray, weights: Weights) -> Result:
    return float(values[0]) if weights is None else values


def confusion(label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Confusion matrices [resamples, true classes, predicted classes]."""
    classes = probabilities.shape[1]
    cell = label * classes + probabilities.argmax(axis=1)
    order = np.argsort(cell, kind="stable")
    occupied, first = np.unique(cell[order], return_index=True)
    counts = np.zeros((classes * classes, columns.shape[1]))
    counts[occupied] = np.add.reduceat(columns[order], first, axis=0)
    return counts.T.reshape(-1, classes, classes)


def mean(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The weighted mean of a number a row, [resamples]."""
    return ratio(rows @ columns, columns.sum(axis=0))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def mean_of_defined(scores: np.ndarray) -> np.ndarray:
    """The mean along the last axis of what is not NaN."""
    defined = ~np.isnan(scores)
    return ratio(scores.sum(axis=-1, where=defined), defined.sum(axis=-1))


def check_probabilities(label: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse labels and probabilities that do not go together, and impossible ones."""
    axes = "rows columns" if label.ndim == 2 else "rows"
    checks.shapes(probabilities=(probabilities, "rows columns"), label=(label, axes))
    _check_rows("probabilities", probabilities)
    if label.ndim == 1 and probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but must have one column a class, two "
            "for a binary task: stack 1 - p and p."
        )
    if probabilities.min() < -1e-6 or probabilities.max() > 1 + 1e-6:
        raise ValueError(
            f"probabilities runs from {probabilities.min()} to {probabilities.max()}, but must lie "
            "in [0, 1]: apply softmax or sigmoid to logits."
        )
    largest = 1 if label.ndim == 2 else probabilities.shape[1] - 1
    impossible = label[~((label >= 0) & (label <= largest) & (label == np.floor(label)))]
    if impossible.size:
        raise ValueError(
            f"label holds {impossible[0]}, but must hold whole numbers in 0 .. {largest} "
            f"to go with probabilities of shape {probabilities.shape}."
        )


def _check_rows(name: str, array: np.ndarray) -> None:
    if not len(array):
        raise ValueError(f"{name} has no rows, but a statistic needs at least one.")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"{name} is not finite in {len(bad)} of {len(array)} rows, the first of them row "
            f"{bad[0]}: leave them out or, if a model gave them, use one that did not diverge."
        )
