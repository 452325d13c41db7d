"""Streaming metrics: sums that add up over batches and devices, finished once.

A metric is a frozen record of pure functions. Its state is a tree of sums, so states merge by
addition: `jax.lax.psum` over devices, a `scan` over batches and a sum over `vmap` all merge
them, in any order. Rows with `batch["mask"]` 0 are padding and count for nothing, whatever
their predictions and labels hold.

    state = metric.empty()
    for batch in batches:
        state = metric.update(state, outputs, batch)
    value = metric.result(state)

What they read: `outputs["probabilities"]` [batch, classes] (two columns for a binary task,
class 1 the positive one) or [batch, labels] (multilabel), `outputs["value"]` [batch] to
regress, `batch["label"]` and `batch["mask"]`. The predicted class is the most probable one, the
lowest of several equal ones; a label of a multilabel task is predicted above 1/2.

What is undefined is NaN: every metric before its first real row, the sensitivity of a class
without examples. Averages over classes leave out what is undefined. Counts are int32 and exact;
other sums are float32. `jaxmed.metrics` holds the exact twins in float64.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import Array, Batch, Float, Int, Outputs, Tree

__all__ = [
    "Average",
    "Metric",
    "accuracy",
    "auroc",
    "balanced_accuracy",
    "brier",
    "cohen_kappa",
    "confusion_matrix",
    "f1",
    "log_loss",
    "macro",
    "mae",
    "matthews_correlation",
    "mean_of",
    "multilabel_accuracy",
    "multilabel_auroc",
    "positive_or_macro",
    "precision",
    "quadratic_kappa",
    "r2",
    "rmse",
    "sensitivity",
    "specificity",
    "weighted",
]

Average: TypeAlias = Callable[[Array, Array], Array]
"""(scores [classes], support [classes]) -> one score; NaN scores are undefined."""

_RESOLUTION = float(np.finfo(np.float32).eps)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A streaming metric: a commutative monoid of sums and what to make of them.

    Attributes:
        empty: gives the state of no rows, all zeros.
        update: adds the real rows of a batch to a state.
        result: turns a state into the metric.
    """

    empty: Callable[[], Tree]
    update: Callable[[Tree, Outputs, Batch], Tree]
    result: Callable[[Tree], Array]

    @staticmethod
    def merge(a: Tree, b: Tree) -> Tree:
        """The state of the rows of `a` and of `b` together."""
        return jax.tree.map(jnp.add, a, b)


# Averages over classes


def macro(scores: Float[Array, "classes"], support: Int[Array, "classes"]) -> Float[Array, ""]:
    """Mean over the classes whose score is defined."""
    del support  # every class counts the same
    defined = ~jnp.isnan(scores)
    return _ratio(jnp.sum(scores, where=defined), jnp.sum(defined))


def weighted(scores: Float[Array, "classes"], support: Int[Array, "classes"]) -> Float[Array, ""]:
    """Mean over the classes whose score is defined, each by its number of examples."""
    support = jnp.where(jnp.isnan(scores), 0, support)
    return _ratio(jnp.sum(scores * support, where=support > 0), jnp.sum(support))


def positive_or_macro(
    scores: Float[Array, "classes"], support: Int[Array, "classes"]
) -> Float[Array, ""]:
    """The score of class 1 where there are two classes, the mean over classes where there are more.

    Medicine calls the sensitivity of a test the recall of its positives.
    """
    return scores[1] if scores.shape[0] == 2 else macro(scores, support)


# From the confusion matrix


def confusion_matrix(classes: int) -> Metric:
    """Counts [classes, classes]: row the true class, column the predicted one.

    A real row whose label lies outside 0 .. classes - 1 is counted nowhere: labels are checked
    where data is read.
    """
    return _of_confusion(classes, lambda counts: counts)


def balanced_accuracy(classes: int) -> Metric:
    """Mean over classes of TP / (TP + FN), without the classes that have no examples."""
    return sensitivity(classes, average=macro)


def sensitivity(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TP / (TP + FN), the share of a class that is found. Also called recall."""

    def by_class(counts: Array) -> Array:
        support = counts.sum(axis=1)
        return average(_ratio(jnp.diagonal(counts), support), support)

    return _of_confusion(classes, by_class)


def specificity(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TN / (TN + FP), the share of a class's negatives that is left alone."""

    def by_class(counts: Array) -> Array:
        support = counts.sum(axis=1)
        negative = counts.sum() - support
        false_positive = counts.sum(axis=0) - jnp.diagonal(counts)
        return average(_ratio(negative - false_positive, negative), support)

    return _of_confusion(classes, by_class)


def precision(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """TP / (TP + FP), the share of a class's predictions that is right.

    A class that has examples and is never predicted scores 0, since missing a class must not
    raise an average; undefined is only a class that occurs in neither.
    """

    def by_class(counts: Array) -> Array:
        support, predicted = counts.sum(axis=1), counts.sum(axis=0)
        scores = _ratio(jnp.diagonal(counts), predicted)
        return average(jnp.where((predicted == 0) & (support > 0), 0.0, scores), support)

    return _of_confusion(classes, by_class)


def f1(classes: int, *, average: Average = positive_or_macro) -> Metric:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity."""

    def by_class(counts: Array) -> Array:
        support, predicted = counts.sum(axis=1), counts.sum(axis=0)
        return average(_ratio(2 * jnp.diagonal(counts), support + predicted), support)

    return _of_confusion(classes, by_class)


def matthews_correlation(classes: int) -> Metric:
    """Matthews' correlation coefficient of the true with the predicted class, in [-1, 1].

    It is 0 where either never varies.

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
    """Cohen's kappa: agreement beyond chance, over the most that there could be.

    It is NaN where only one class was both true and predicted.

    References:
        Cohen, A coefficient of agreement for nominal scales, 1960, equation 1.
    """

    def kappa(counts: Array) -> Array:
        truth, predicted = counts.sum(axis=1), counts.sum(axis=0)
        return _ratio(_covariance(counts), _disagreement(truth, predicted))

    return _of_confusion(classes, kappa)


def quadratic_kappa(classes: int) -> Metric:
    """Cohen's kappa with disagreements weighted by (true grade - predicted grade)^2.

    It is NaN where only one class was both true and predicted.

    References:
        Cohen, Weighted kappa, 1968, equation 8.
    """

    def kappa(counts: Array) -> Array:
        total = counts.sum()
        truth, predicted = _ratio(counts.sum(axis=1), total), _ratio(counts.sum(axis=0), total)
        grades = jnp.arange(classes, dtype=jnp.float32)
        weights = (grades[:, None] - grades[None, :]) ** 2
        by_chance = jnp.sum(weights * truth[:, None] * predicted[None, :])
        return 1 - _ratio(jnp.sum(weights * _ratio(counts, total)), by_chance)

    return _of_confusion(classes, kappa)


# Means over rows


def accuracy() -> Metric:
    """The share of rows whose most probable class is the true one."""

    def right(outputs: Outputs, batch: Batch) -> Array:
        return jnp.argmax(_probabilities(outputs, batch), axis=1) == batch["label"]

    return _mean(right, dtype=jnp.int32)


def multilabel_accuracy() -> Metric:
    """The share of labels, over all rows and labels, that are predicted rightly."""

    def right(outputs: Outputs, batch: Batch) -> Array:
        return (_label_probabilities(outputs, batch) > 0.5) == (batch["label"] > 0)

    return _mean(right, dtype=jnp.int32)


def brier() -> Metric:
    """Mean squared distance of the probabilities from the truth; 0 is perfect.

    With two classes (p_1 - y)^2, in [0, 1]; with more sum_k (p_k - [y = k])^2, in [0, 2].

    References:
        Brier, Verification of forecasts expressed in terms of probability, 1950, equation 2.
    """

    def distance(outputs: Outputs, batch: Batch) -> Array:
        probabilities = _probabilities(outputs, batch)
        if probabilities.shape[1] == 2:
            return (probabilities[:, 1] - batch["label"]) ** 2
        truth = jax.nn.one_hot(batch["label"], probabilities.shape[1])
        return jnp.sum((probabilities - truth) ** 2, axis=1)

    return _mean(distance)


def log_loss() -> Metric:
    """Mean of -log of the probability of the true class, in nats.

    A probability below float32's resolution, 1.2e-7, counts as that, so that one sure mistake
    costs 16 nats and not infinity.
    """

    def surprise(outputs: Outputs, batch: Batch) -> Array:
        probabilities = _probabilities(outputs, batch)
        truth = jnp.take_along_axis(probabilities, batch["label"][:, None], axis=1)[:, 0]
        return -jnp.log(jnp.maximum(truth, _RESOLUTION))

    return _mean(surprise)


def mean_of(name: str) -> Metric:
    """Mean of an output that is one number a row, such as the `error` of a reconstruction.

    Args:
        name: of the output [batch].
    """

    def output(outputs: Outputs, batch: Batch) -> Array:
        checks.shapes(**{name: (outputs[name], "batch"), "mask": (batch["mask"], "batch")})
        return _float32(outputs[name])

    return _mean(output)


def mae() -> Metric:
    """Mean absolute error, in the unit of the label."""
    return _mean(lambda outputs, batch: jnp.abs(_error(outputs, batch)))


def rmse() -> Metric:
    """Root of the mean squared error, in the unit of the label."""
    mean = _mean(lambda outputs, batch: _error(outputs, batch) ** 2)
    return dataclasses.replace(mean, result=lambda state: jnp.sqrt(mean.result(state)))


def r2(*, center: float = 0.0) -> Metric:
    """The share of the labels' variance that is explained.

    1 - sum (y - value)^2 / sum (y - mean of y)^2; it is NaN where the labels do not vary.

    Args:
        center: a number near the mean of the labels, such as the training mean. The sums are
            float32: labels that vary by 1 around 1000 want it.
    """

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        real = _real(batch)
        label = _float32(batch["label"]) - center
        squared_error = _error(outputs, batch) ** 2
        return {
            "rows": state["rows"] + jnp.sum(real),
            "label": state["label"] + jnp.sum(label, where=real),
            "label_squared": state["label_squared"] + jnp.sum(label**2, where=real),
            "squared_error": state["squared_error"] + jnp.sum(squared_error, where=real),
        }

    def result(state: Tree) -> Array:
        mean = _ratio(state["label"], state["rows"])
        total = state["label_squared"] - mean * state["label"]
        # Below its own rounding error, the total is that of constant labels.
        varies = total > 8 * _RESOLUTION * state["label_squared"]
        return 1 - _ratio(state["squared_error"], jnp.where(varies, total, 0.0))

    zero = jnp.zeros(())
    return Metric(
        empty=lambda: {
            "rows": jnp.zeros((), jnp.int32),
            "label": zero,
            "label_squared": zero,
            "squared_error": zero,
        },
        update=update,
        result=result,
    )


# From histograms of the probability


def auroc(classes: int, *, bins: int = 2048) -> Metric:
    """Area under the ROC curve: of class 1 of two, or the mean of one against the rest.

    Positives and negatives are counted in bins of equal width in log odds over (-17, 17), as
    finely as float32 tells a probability from one: with 2,048 bins a bin is 0.0166 wide, which is
    0.004 in probability at 1/2 and 1.7 % of the smaller of p and 1 - p near the ends. A pair in
    one bin counts half, so the result is off by at most half the share of (positive, negative)
    pairs that share a bin. Log odds beyond 17 share the last bin on their side.

    It is NaN for a class without positives or without negatives.

    Args:
        classes: how many, at least 2.
        bins: how many, at least 2.
    """
    columns = slice(1, 2) if classes == 2 else slice(None)

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        positive = batch["label"][:, None] == jnp.arange(classes)[None, :]
        probabilities = _probabilities(outputs, batch, classes)
        return _count(state, probabilities[:, columns], positive[:, columns], batch)

    return _of_histogram(1 if classes == 2 else classes, bins, update)


def multilabel_auroc(labels: int, *, bins: int = 2048) -> Metric:
    """Mean over labels of each one's area under the ROC curve, binned as in `auroc`.

    Args:
        labels: how many.
        bins: how many, at least 2.
    """

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        return _count(state, _label_probabilities(outputs, batch), batch["label"] > 0, batch)

    return _of_histogram(labels, bins, update)


# What they are made of


def _of_confusion(classes: int, result: Callable[[Array], Array]) -> Metric:
    checks.at_least("classes", classes, 2)

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        predicted = jnp.argmax(_probabilities(outputs, batch, classes), axis=1)
        # A negative label would count from the end; one that is too large is dropped.
        label = jnp.where(batch["label"] < 0, classes, batch["label"])
        return state.at[label, predicted].add(_real(batch).astype(jnp.int32), mode="drop")

    return Metric(lambda: jnp.zeros((classes, classes), jnp.int32), update, result)


def _mean(of: Callable[[Outputs, Batch], Array], *, dtype: Any = jnp.float32) -> Metric:
    """The mean over real rows of what `of` gives for each, [batch] or [batch, labels]."""

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        rows = of(outputs, batch)
        real = jnp.broadcast_to(_real(batch).reshape(-1, *[1] * (rows.ndim - 1)), rows.shape)
        return {
            "sum": state["sum"] + jnp.sum(rows, where=real, dtype=dtype),
            "count": state["count"] + jnp.sum(real, dtype=jnp.int32),
        }

    return Metric(
        empty=lambda: {"sum": jnp.zeros((), dtype), "count": jnp.zeros((), jnp.int32)},
        update=update,
        result=lambda state: _ratio(state["sum"], state["count"]),
    )


def _of_histogram(
    columns: int, bins: int, update: Callable[[Array, Outputs, Batch], Array]
) -> Metric:
    """The macro AUROC of counts [columns, 2 (negative, positive), bins]."""
    checks.at_least("bins", bins, 2)

    def result(state: Array) -> Array:
        totals = state.sum(axis=2, keepdims=True)
        negative, positive = jnp.moveaxis(_ratio(state, totals), 1, 0)
        below = jnp.cumsum(negative, axis=1) - negative / 2
        areas = jnp.sum(positive * below, axis=1)
        return macro(areas, totals[:, 1, 0])

    return Metric(lambda: jnp.zeros((columns, 2, bins), jnp.int32), update, result)


_LARGEST_LOG_ODDS = 17.0


def _count(state: Array, probabilities: Array, positive: Array, batch: Batch) -> Array:
    """Add the rows of a batch to the histogram of each column."""
    columns, _, bins = state.shape
    log_odds = jnp.log(probabilities) - jnp.log1p(-probabilities)
    place = (log_odds / _LARGEST_LOG_ODDS + 1) / 2 * bins
    bin_ = jnp.clip(jnp.nan_to_num(place), 0, bins - 1).astype(jnp.int32)
    real = jnp.broadcast_to(_real(batch)[:, None], positive.shape).astype(jnp.int32)
    return state.at[jnp.arange(columns)[None, :], positive.astype(jnp.int32), bin_].add(real)


def _real(batch: Batch) -> Array:
    return batch["mask"] > 0


def _float32(x: Array) -> Array:
    return x.astype(jnp.float32)


def _probabilities(outputs: Outputs, batch: Batch, classes: int | None = None) -> Array:
    """The probabilities of a single-label task [batch, classes]."""
    probabilities = outputs["probabilities"]
    checks.shapes(
        probabilities=(probabilities, "batch classes"),
        label=(batch["label"], "batch"),
        mask=(batch["mask"], "batch"),
    )
    if classes is not None and probabilities.shape[1] != classes:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but the metric was made for "
            f"{classes} classes: make it with classes={probabilities.shape[1]}."
        )
    return _float32(probabilities)


def _label_probabilities(outputs: Outputs, batch: Batch) -> Array:
    """The probabilities of a multilabel task [batch, labels]."""
    checks.shapes(
        probabilities=(outputs["probabilities"], "batch labels"),
        label=(batch["label"], "batch labels"),
        mask=(batch["mask"], "batch"),
    )
    return _float32(outputs["probabilities"])


def _error(outputs: Outputs, batch: Batch) -> Array:
    checks.shapes(
        value=(outputs["value"], "batch"),
        label=(batch["label"], "batch"),
        mask=(batch["mask"], "batch"),
    )
    return _float32(outputs["value"]) - batch["label"]


def _ratio(part: Array, whole: Array) -> Array:
    """`part` / `whole`, NaN where `whole` is 0."""
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), jnp.nan)


# Agreement coefficients are differences of nearly equal numbers where one class is
# nearly everything. These two forms subtract whole counts, exactly, and never rounded shares.


def _disagreement(a: Array, b: Array) -> Array:
    """sum_k a_k / n (1 - b_k / n): how often two independent draws of classes differ."""
    total = a.sum()
    return jnp.sum(_ratio(a, total) * _ratio(total - b, total))


def _covariance(counts: Array) -> Array:
    """sum_k (TP_k TN_k - FP_k FN_k) / n^2: agreement less what chance would give."""
    total = counts.sum()
    true_positive = jnp.diagonal(counts)
    false_negative = counts.sum(axis=1) - true_positive
    false_positive = counts.sum(axis=0) - true_positive
    true_negative = total - true_positive - false_negative - false_positive
    return jnp.sum(
        _ratio(true_positive, total) * _ratio(true_negative, total)
        - _ratio(false_positive, total) * _ratio(false_negative, total)
    )
