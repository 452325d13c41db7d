"""Exact statistics of predictions, in float64 on the host.

Every statistic is a function of one shape:

    statistic(label, prediction, weights=None) -> float, or [resamples] where weights are given

`weights` [resamples, rows] counts how often each row occurs in each resample, so that a bootstrap
costs one pass over a matrix and not 2,000 calls; any weights of at least 0 do.

`label` and `prediction` are one of

=============  ===============  =================================================
task           label            prediction
=============  ===============  =================================================
binary         [rows], 0 or 1   probabilities [rows, 2], class 1 the positive one
multiclass     [rows]           probabilities [rows, classes]
multilabel     [rows, labels]   probabilities [rows, labels], each for itself
=============  ===============  =================================================

The predicted class is the most probable one, the lowest of several equal ones; a label of a
multilabel task is predicted above 1/2. Sensitivity, specificity, precision, F1, AUROC and average
precision are those of class 1 where there are two classes, and the mean over classes, one against
the rest, where there are more. A multilabel statistic is the mean over labels of the binary one.

Means over classes or labels leave out those for which the statistic is undefined in these rows,
and are NaN where that is all of them: a class without examples has no sensitivity, AUROC or
average precision, one without negatives no specificity or AUROC. scikit-learn does so for
balanced accuracy; it sets the sensitivity and average precision of a class without examples to 0,
and refuses their AUROC.

All functions raise ValueError where shapes disagree, where there are no rows, and for labels,
probabilities, values or weights that are impossible.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed.metrics.weighted import (
    Label,
    Probabilities,
    Ranking,
    Result,
    Weights,
    as_columns,
    check_probabilities,
    confusion,
    mean,
    mean_of_defined,
    of_confusion,
    of_ranking,
    of_rows,
    ratio,
)
from jaxmed.typing import Float, Num

__all__ = [
    "Statistic",
    "accuracy",
    "auroc",
    "average_precision",
    "balanced_accuracy",
    "brier",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "f1_macro",
    "f1_weighted",
    "grade_mae",
    "log_loss",
    "matthews_correlation",
    "precision",
    "quadratic_kappa",
    "sensitivity",
    "specificity",
]

Statistic: TypeAlias = Callable[..., Result]
"""(label, prediction, weights=None) -> one number, or one for each resample."""

_RESOLUTION = float(np.finfo(np.float32).eps)


# From the confusion matrix


def confusion_matrix(
    label: Num[np.ndarray, "rows"], probabilities: Probabilities, weights: Weights = None
) -> Float[np.ndarray, "*resamples classes classes"]:
    """Counts [classes, classes], or [resamples, classes, classes] where weights are given.

    Row the true class, column the predicted one.
    """
    check_probabilities(label, probabilities)
    counts = confusion(label, probabilities, as_columns(weights, len(label)))
    return counts[0] if weights is None else counts


def accuracy(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """The share of rows whose predicted class is the true one."""

    def share(counts: np.ndarray) -> np.ndarray:
        return ratio(np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2)))

    return of_confusion(share, label, probabilities, weights)


def balanced_accuracy(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Mean over classes of TP / (TP + FN), over both where there are two."""
    return of_confusion(
        lambda counts: mean_of_defined(_recalls(counts)), label, probabilities, weights
    )


def sensitivity(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TP / (TP + FN), the share of a class that is found; also called recall.

    Over more than two classes it is the same number as `balanced_accuracy`.
    """
    return of_confusion(
        lambda counts: _positive_or_mean(_recalls(counts)), label, probabilities, weights
    )


def specificity(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TN / (TN + FP), the share of a class's negatives that is left alone."""

    def by_class(counts: np.ndarray) -> np.ndarray:
        hits, support, predicted = _margins(counts)
        negative = counts.sum(axis=(1, 2))[:, None] - support
        return _positive_or_mean(ratio(negative - (predicted - hits), negative))

    return of_confusion(by_class, label, probabilities, weights)


def precision(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """TP / (TP + FP), the share of a class's predictions that is right.

    A class that has examples and is never predicted scores 0, as in scikit-learn, since missing a
    class must not raise a mean. One that occurs in neither is undefined.
    """

    def by_class(counts: np.ndarray) -> np.ndarray:
        hits, support, predicted = _margins(counts)
        scores = ratio(hits, predicted)
        return _positive_or_mean(np.where((predicted == 0) & (support > 0), 0.0, scores))

    return of_confusion(by_class, label, probabilities, weights)


def f1(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity.

    Of class 1 where there are two classes; `f1_macro` averages over both.
    """
    return of_confusion(
        lambda counts: _positive_or_mean(_f1_scores(counts)), label, probabilities, weights
    )


def f1_macro(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of F1 over the classes that are true or predicted anywhere."""
    return of_confusion(
        lambda counts: mean_of_defined(_f1_scores(counts)), label, probabilities, weights
    )


def f1_weighted(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of F1 over classes, each by its number of examples."""

    def by_support(counts: np.ndarray) -> np.ndarray:
        support = counts.sum(axis=2)
        scores = np.where(support > 0, _f1_scores(counts), 0.0)
        return ratio((scores * support).sum(axis=1), support.sum(axis=1))

    return of_confusion(by_support, label, probabilities, weights)


def matthews_correlation(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Matthews' correlation coefficient of the true with the predicted class, in [-1, 1].

    It is 0 where either never varies, as in scikit-learn.

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

    return of_confusion(correlation, label, probabilities, weights)


def cohen_kappa(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Cohen's kappa: agreement beyond chance, over the most that there could be.

    It is NaN where only one class was both true and predicted.

    References:
        Cohen, A coefficient of agreement for nominal scales, 1960, equation 1.
    """

    def kappa(counts: np.ndarray) -> np.ndarray:
        _, support, predicted = _margins(counts)
        return ratio(_covariance(counts), _disagreement(support, predicted))

    return of_confusion(kappa, label, probabilities, weights)


def quadratic_kappa(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Cohen's kappa with disagreements weighted by (true grade - predicted grade)^2.

    It is NaN where only one class was both true and predicted.

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

    return of_confusion(kappa, label, probabilities, weights)


# From the ranking of rows by probability


def auroc(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Area under the ROC curve: P(a positive ranks above a negative), ties counting half.

    A class without examples is left out of the mean.

    References:
        Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982.
    """

    def area(ranking: Ranking) -> np.ndarray:
        positive = ranking.weight.sum(axis=0)
        above = ranking.above + ranking.reached
        above /= 2
        # Among themselves, positives stand above one another positive^2 / 2 times.
        lost = np.einsum("pr,pr->r", ranking.weight, above) - positive**2 / 2
        return 1 - ratio(lost, positive * (ranking.total - positive))

    return of_ranking(area, label, probabilities, weights)


def average_precision(
    label: Label, probabilities: Probabilities, weights: Weights = None
) -> Result:
    """Mean of the precision at each positive's rank, a summary of the precision-recall curve.

    sum_t (recall_t - recall_{t-1}) precision_t over thresholds t, without interpolation. A class
    without examples is left out of the mean.

    References:
        Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006.
    """

    def area(ranking: Ranking) -> np.ndarray:
        found = np.cumsum(ranking.weight, axis=0)[ranking.last]
        # Nothing is reached before the first row that a resample holds.
        precisions = np.divide(found, ranking.reached, out=found, where=ranking.reached > 0)
        positive = ranking.weight.sum(axis=0)
        return ratio(np.einsum("pr,pr->r", ranking.weight, precisions), positive)

    return of_ranking(area, label, probabilities, weights)


# Means over rows


def brier(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean squared distance of the probabilities from the truth; 0 is perfect.

    With two classes (p_1 - y)^2, in [0, 1]; with more sum_k (p_k - [y = k])^2, in [0, 2].

    References:
        Brier, Verification of forecasts expressed in terms of probability, 1950, equation 2.
    """

    def distance(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        if probabilities.shape[1] == 2:
            return (probabilities[:, 1] - label) ** 2
        return ((probabilities - np.eye(probabilities.shape[1])[label]) ** 2).sum(axis=1)

    return of_rows(distance, label, probabilities, weights)


def log_loss(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of -log of the probability of the true class, in nats.

    A probability below float32's resolution, 1.2e-7, counts as that, so that one sure mistake costs
    16 nats and not infinity.
    """

    def surprise(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        truth = probabilities[np.arange(len(label)), label]
        return -np.log(np.maximum(truth, _RESOLUTION))

    return of_rows(surprise, label, probabilities, weights)


def grade_mae(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean absolute distance, in grades, of the predicted from the true one of ordered classes."""

    def distance(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        return np.abs(probabilities.argmax(axis=1) - label).astype(np.float64)

    return of_rows(distance, label, probabilities, weights)


# Of confusion matrices [resamples, classes, classes]


def _margins(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By class [resamples, classes]: how many are right, true and predicted."""
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
    """sum_k (TP_k TN_k - FP_k FN_k): n^2 times the agreement less what chance would give."""
    hits, support, predicted = _margins(counts)
    return (hits * counts.sum(axis=(1, 2))[:, None] - support * predicted).sum(axis=1)
