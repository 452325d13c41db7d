"""Exact statistics of the confusion matrix. Arguments and errors are those of `jaxmed.metrics`.

TP, FP, TN and FN are the true and false positives and negatives of one class against the rest.
"""

from collections.abc import Callable

import numpy as np

from jaxmed.metrics.arguments import label_and_probabilities
from jaxmed.metrics.weighted import (
    Label,
    Probabilities,
    Result,
    Weights,
    as_columns,
    mean_of_defined,
    of_probabilities,
    ratio,
)
from jaxmed.typing import Float, Num

__all__ = [
    "accuracy",
    "balanced_accuracy",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "f1_macro",
    "f1_weighted",
    "matthews_correlation",
    "precision",
    "quadratic_kappa",
    "sensitivity",
    "specificity",
]


_SMALL = 256
"""Classes up to which pairs of them are numbered with 16 bits."""


def confusion_matrix(
    label: Num[np.ndarray, "rows"], probabilities: Probabilities, weights: Weights = None
) -> Float[np.ndarray, "*resamples classes classes"]:
    """Counts [classes, classes], or [resamples, classes, classes] if weights are given.

    Rows are true classes, columns predicted classes.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.eye(2)[[0, 0, 1]])
        array([[1., 0.],
               [1., 1.]])
    """
    label, probabilities = label_and_probabilities(label, probabilities)
    if label.ndim != 1:
        raise ValueError(
            f"label has shape {label.shape}, but must be [rows]: give one column of a multilabel "
            "task at a time."
        )
    counts = _confusion(label.astype(np.int64), probabilities, as_columns(weights, len(label)))
    return counts[0] if weights is None else counts


def accuracy(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """The fraction of rows whose predicted class is the true one.

    Example:
        >>> accuracy(np.array([0, 1, 1, 1]), np.eye(2)[[0, 0, 1, 1]])
        0.75
    """

    def correct(counts: np.ndarray) -> np.ndarray:
        return ratio(np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2)))

    return _of_confusion(correct, label, probabilities, weights)


def balanced_accuracy(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Mean over classes of TP / (TP + FN); over both classes of a binary task."""
    return _of_confusion(
        lambda counts: mean_of_defined(_recalls(counts)), label, probabilities, weights
    )


def sensitivity(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TP / (TP + FN), the fraction of a class that is detected; also called recall.

    With more than two classes it equals `balanced_accuracy`.
    """
    return _of_confusion(
        lambda counts: _positive_or_mean(_recalls(counts)), label, probabilities, weights
    )


def specificity(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TN / (TN + FP), the fraction of a class's negatives that is predicted negative."""

    def by_class(counts: np.ndarray) -> np.ndarray:
        hits, support, predicted = _margins(counts)
        negative = counts.sum(axis=(1, 2))[:, None] - support
        return _positive_or_mean(ratio(negative - (predicted - hits), negative))

    return _of_confusion(by_class, label, probabilities, weights)


def precision(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TP / (TP + FP), the fraction of a class's predictions that is correct.

    A class that has examples but is never predicted scores 0, as in scikit-learn, because missing
    a class must not raise a mean. It is undefined for a class that is neither true nor predicted.
    """

    def by_class(counts: np.ndarray) -> np.ndarray:
        hits, support, predicted = _margins(counts)
        scores = ratio(hits, predicted)
        return _positive_or_mean(np.where((predicted == 0) & (support > 0), 0.0, scores))

    return _of_confusion(by_class, label, probabilities, weights)


def f1(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity.

    Of class 1 if there are two classes; `f1_macro` is the mean over both.
    """
    return _of_confusion(
        lambda counts: _positive_or_mean(_f1_scores(counts)), label, probabilities, weights
    )


def f1_macro(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of F1 over the classes that are true or predicted in any row."""
    return _of_confusion(
        lambda counts: mean_of_defined(_f1_scores(counts)), label, probabilities, weights
    )


def f1_weighted(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of F1 over classes, each weighted by its number of examples."""

    def by_support(counts: np.ndarray) -> np.ndarray:
        support = counts.sum(axis=2)
        scores = np.where(support > 0, _f1_scores(counts), 0.0)
        return ratio((scores * support).sum(axis=1), support.sum(axis=1))

    return _of_confusion(by_support, label, probabilities, weights)


def matthews_correlation(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Matthews' correlation coefficient of the true and the predicted class, in [-1, 1].

    It is 0 if either of them never varies, as in scikit-learn.

    References:
        Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient,
        2004, equation 8.
    """

    def correlation(counts: np.ndarray) -> np.ndarray:
        _, support, predicted = _margins(counts)
        spread = _disagreement(support, support) * _disagreement(predicted, predicted)
        constant = spread == 0
        scores = _covariance(counts) / np.sqrt(np.where(constant, 1.0, spread))
        return np.where(constant, 0.0, scores)

    return _of_confusion(correlation, label, probabilities, weights)


def cohen_kappa(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Cohen's kappa: agreement beyond chance, divided by its maximum.

    It is NaN if only one class is true and predicted.

    References:
        Cohen, A coefficient of agreement for nominal scales, 1960, equation 1.
    """

    def kappa(counts: np.ndarray) -> np.ndarray:
        _, support, predicted = _margins(counts)
        return ratio(_covariance(counts), _disagreement(support, predicted))

    return _of_confusion(kappa, label, probabilities, weights)


def quadratic_kappa(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Cohen's kappa with disagreements weighted by (true grade - predicted grade)^2.

    For ordered classes. It is NaN if only one class is true and predicted.

    References:
        Cohen, Weighted kappa, 1968, equation 8.
    """

    def kappa(counts: np.ndarray) -> np.ndarray:
        grades = np.arange(counts.shape[1])
        distance = (grades[:, None] - grades[None, :]) ** 2
        _, support, predicted = _margins(counts)
        total = counts.sum(axis=(1, 2))
        by_chance = np.einsum("ri,ij,rj->r", support, distance, predicted)
        return 1 - ratio(total * np.einsum("ij,rij->r", distance, counts), by_chance)

    return _of_confusion(kappa, label, probabilities, weights)


def _of_confusion(
    formula: Callable[[np.ndarray], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    """`formula` of the confusion matrices [resamples, classes, classes]."""
    return of_probabilities(lambda *rows: formula(_confusion(*rows)), label, probabilities, weights)


def _confusion(label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Confusion matrices [resamples, true classes, predicted classes]."""
    classes = probabilities.shape[1]
    cell = label * classes + probabilities.argmax(axis=1)
    counts = np.zeros((classes * classes, columns.shape[1]))
    # NumPy sorts small whole numbers in linear time. A product of matrices would count faster on an
    # idle machine, but its threads wait for one another on a busy one, many times longer.
    small = cell.astype(np.uint16) if classes <= _SMALL else cell
    order = np.argsort(small, kind="stable")
    rows = np.bincount(cell, minlength=classes * classes)
    occupied = np.flatnonzero(rows)
    first = (np.cumsum(rows) - rows)[occupied]
    counts[occupied] = np.add.reduceat(columns[order], first, axis=0)
    return counts.T.reshape(-1, classes, classes)


# Formulas of confusion matrices [resamples, classes, classes]


def _margins(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per class [resamples, classes]: rows that are correct, true and predicted."""
    return np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)


def _recalls(counts: np.ndarray) -> np.ndarray:
    hits, support, _ = _margins(counts)
    return ratio(hits, support)


def _f1_scores(counts: np.ndarray) -> np.ndarray:
    hits, support, predicted = _margins(counts)
    return ratio(2 * hits, support + predicted)


def _positive_or_mean(scores: np.ndarray) -> np.ndarray:
    return scores[:, 1] if scores.shape[1] == 2 else mean_of_defined(scores)


def _disagreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """n^2 sum_k a_k / n (1 - b_k / n): how often two independent draws of classes differ."""
    return (a * (a.sum(axis=1, keepdims=True) - b)).sum(axis=1)


def _covariance(counts: np.ndarray) -> np.ndarray:
    """sum_k (TP_k TN_k - FP_k FN_k): n^2 times the agreement beyond chance."""
    hits, support, predicted = _margins(counts)
    return (hits * counts.sum(axis=(1, 2))[:, None] - support * predicted).sum(axis=1)
