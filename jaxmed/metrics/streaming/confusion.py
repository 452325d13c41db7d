"""Streaming metrics of the confusion matrix.

TP, FP, TN and FN are the true and false positives and negatives of one class against the rest.
"""

from collections.abc import Callable

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.metrics.streaming.metric import Average, Metric, macro, positive_or_macro, ratio
from jaxmed.metrics.streaming.outputs import class_probabilities, real_rows
from jaxmed.metrics.streaming.undefined import nan_if_undefined
from jaxmed.typing import Array, Batch, Outputs


def confusion_matrix(classes: int) -> Metric:
    """Counts [classes, classes]: rows are true classes, columns predicted classes.

    A row whose label lies outside 0 .. classes - 1 is not counted; labels are checked where data
    is read.

    Args:
        classes: number of classes, at least 2.
    """
    return _of_confusion(classes, lambda counts: counts)


def balanced_accuracy(classes: int) -> Metric:
    """Mean of TP / (TP + FN) over the classes that have examples.

    Args:
        classes: number of classes, at least 2.
    """
    return sensitivity(classes, average=macro)


def sensitivity(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TP / (TP + FN), the fraction of a class that is detected; also called recall.

    Args:
        classes: number of classes, at least 2.
        average: over classes.
    """
    checks.function("average", average, "(scores, support)")

    def by_class(counts: Array) -> Array:
        support = counts.sum(axis=1)
        return average(ratio(jnp.diagonal(counts), support), support)

    return _of_confusion(classes, by_class)


def specificity(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TN / (TN + FP), the fraction of a class's negatives that is predicted negative.

    Args:
        classes: number of classes, at least 2.
        average: over classes.
    """
    checks.function("average", average, "(scores, support)")

    def by_class(counts: Array) -> Array:
        support = counts.sum(axis=1)
        negative = counts.sum() - support
        false_positive = counts.sum(axis=0) - jnp.diagonal(counts)
        return average(ratio(negative - false_positive, negative), support)

    return _of_confusion(classes, by_class)


def precision(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TP / (TP + FP), the fraction of a class's predictions that is correct.

    A class that has examples but is never predicted scores 0, because missing a class must not
    raise an average. It is undefined for a class that is neither true nor predicted.

    Args:
        classes: number of classes, at least 2.
        average: over classes.
    """
    checks.function("average", average, "(scores, support)")

    def by_class(counts: Array) -> Array:
        support, predicted = counts.sum(axis=1), counts.sum(axis=0)
        scores = ratio(jnp.diagonal(counts), predicted)
        return average(jnp.where((predicted == 0) & (support > 0), 0.0, scores), support)

    return _of_confusion(classes, by_class)


def f1(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity.

    Args:
        classes: number of classes, at least 2.
        average: over classes.
    """
    checks.function("average", average, "(scores, support)")

    def by_class(counts: Array) -> Array:
        support, predicted = counts.sum(axis=1), counts.sum(axis=0)
        return average(ratio(2 * jnp.diagonal(counts), support + predicted), support)

    return _of_confusion(classes, by_class)


def matthews_correlation(classes: int) -> Metric:
    """Matthews' correlation coefficient of the true and the predicted class, in [-1, 1].

    It is 0 if either of them never varies.

    Args:
        classes: number of classes, at least 2.

    References:
        Gorodkin, Comparing two K-category assignments by a K-category correlation
        coefficient, 2004, equation 8.
    """

    def correlation(counts: Array) -> Array:
        truth, predicted = counts.sum(axis=1), counts.sum(axis=0)
        spread = _disagreement(truth, truth) * _disagreement(predicted, predicted)
        scale = jnp.where(spread > 0, jnp.sqrt(jnp.where(spread > 0, spread, 1.0)), jnp.inf)
        return jnp.where(counts.sum() > 0, _covariance(counts) / scale, jnp.nan)

    return _of_confusion(classes, correlation)


def cohen_kappa(classes: int) -> Metric:
    """Cohen's kappa: agreement beyond chance, divided by its maximum.

    It is NaN if only one class is true and predicted.

    Args:
        classes: number of classes, at least 2.

    References:
        Cohen, A coefficient of agreement for nominal scales, 1960, equation 1.
    """

    def kappa(counts: Array) -> Array:
        truth, predicted = counts.sum(axis=1), counts.sum(axis=0)
        return ratio(_covariance(counts), _disagreement(truth, predicted))

    return _of_confusion(classes, kappa)


def quadratic_kappa(classes: int) -> Metric:
    """Cohen's kappa with disagreements weighted by (true grade - predicted grade)^2.

    For ordered classes. It is NaN if only one class is true and predicted.

    Args:
        classes: number of classes, at least 2.

    References:
        Cohen, Weighted kappa, 1968, equation 8.
    """

    def kappa(counts: Array) -> Array:
        total = counts.sum()
        truth, predicted = ratio(counts.sum(axis=1), total), ratio(counts.sum(axis=0), total)
        grades = jnp.arange(classes, dtype=jnp.float32)
        weights = (grades[:, None] - grades[None, :]) ** 2
        by_chance = jnp.sum(weights * truth[:, None] * predicted[None, :])
        return 1 - ratio(jnp.sum(weights * ratio(counts, total)), by_chance)

    return _of_confusion(classes, kappa)


def _of_confusion(classes: int, result: Callable[[Array], Array]) -> Metric:
    classes = checks.whole("classes", classes, least=2, most=10_000)

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        predicted = jnp.argmax(class_probabilities(outputs, batch, classes), axis=1)
        # A negative index would count from the end; one that is too large is dropped.
        label = jnp.where(batch["label"] < 0, classes, batch["label"])
        return state.at[label, predicted].add(real_rows(batch).astype(jnp.int32), mode="drop")

    return nan_if_undefined(
        Metric(lambda: jnp.zeros((classes, classes), jnp.int32), update, result)
    )


# Agreement coefficients are differences of nearly equal numbers if one class dominates. These two
# functions subtract whole counts, which is exact, and not rounded fractions.


def _disagreement(a: Array, b: Array) -> Array:
    """sum_k a_k / n (1 - b_k / n): how often two independent draws of classes differ."""
    total = a.sum()
    return jnp.sum(ratio(a, total) * ratio(total - b, total))


def _covariance(counts: Array) -> Array:
    """sum_k (TP_k TN_k - FP_k FN_k) / n^2: the agreement beyond chance."""
    total = counts.sum()
    true_positive = jnp.diagonal(counts)
    false_negative = counts.sum(axis=1) - true_positive
    false_positive = counts.sum(axis=0) - true_positive
    true_negative = total - true_positive - false_negative - false_positive
    return jnp.sum(
        ratio(true_positive, total) * ratio(true_negative, total)
        - ratio(false_positive, total) * ratio(false_negative, total)
    )
