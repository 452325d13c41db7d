"""Streaming AUROC, from histograms of the probability."""

import functools
from collections.abc import Callable

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.metrics.streaming.metric import Metric, macro, ratio
from jaxmed.metrics.streaming.outputs import class_probabilities, label_probabilities, real_rows
from jaxmed.metrics.streaming.undefined import nan_if_undefined
from jaxmed.typing import Array, Batch, Outputs

_MAX_LOG_ODDS = 17.0


def auroc(classes: int, *, bins: int = 2048) -> Metric:
    """Binned area under the ROC curve: of class 1 of two, or the mean of one against the rest.

    Positives and negatives are counted in bins of equal width in log odds over (-17, 17), the range
    of float32 probabilities. With 2,048 bins a bin is 0.0166 wide: 0.004 in probability at 1/2, and
    1.7 % of the smaller of p and 1 - p near the ends. A pair in one bin counts half, so the error
    is at most half the fraction of (positive, negative) pairs that share a bin. Log odds beyond 17
    fall into the last bin on their side.

    It is NaN for a class without positives or without negatives. `jaxmed.metrics.auroc` is exact.

    Args:
        classes: number of classes, at least 2.
        bins: number of bins, at least 2.
    """
    classes = checks.whole("classes", classes, least=2, most=10_000)
    columns = slice(1, 2) if classes == 2 else slice(None)

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        positive = batch["label"][:, None] == jnp.arange(classes)[None, :]
        probabilities = class_probabilities(outputs, batch, classes)
        return _count(state, probabilities[:, columns], positive[:, columns], batch)

    return _of_histogram(1 if classes == 2 else classes, bins, update)


def multilabel_auroc(labels: int, *, bins: int = 2048) -> Metric:
    """Mean over labels of the area under their ROC curves, binned as in `auroc`.

    Args:
        labels: number of labels.
        bins: number of bins, at least 2.
    """
    labels = checks.whole("labels", labels, most=10_000)

    def update(state: Array, outputs: Outputs, batch: Batch) -> Array:
        return _count(state, label_probabilities(outputs, batch), batch["label"] > 0, batch)

    return _of_histogram(labels, bins, update)


def _of_histogram(
    columns: int, bins: int, update: Callable[[Array, Outputs, Batch], Array]
) -> Metric:
    """The macro AUROC of counts [columns, 2 (negative, positive), bins]."""
    bins = checks.whole("bins", bins, least=2, most=2**20)

    def result(state: Array) -> Array:
        totals = state.sum(axis=2, keepdims=True)
        negative, positive = jnp.moveaxis(ratio(state, totals), 1, 0)
        below = jnp.cumsum(negative, axis=1) - negative / 2
        areas = jnp.sum(positive * below, axis=1)
        return macro(areas, totals[:, 1, 0])

    empty = functools.partial(jnp.zeros, (columns, 2, bins), jnp.int32)
    return nan_if_undefined(Metric(empty, update, result))


def _count(state: Array, probabilities: Array, positive: Array, batch: Batch) -> Array:
    """Add the rows of a batch to the histogram of each column."""
    columns, _, bins = state.shape
    log_odds = jnp.log(probabilities) - jnp.log1p(-probabilities)
    place = (log_odds / _MAX_LOG_ODDS + 1) / 2 * bins
    bin_ = jnp.clip(jnp.nan_to_num(place), 0, bins - 1).astype(jnp.int32)
    real = jnp.broadcast_to(real_rows(batch)[:, None], positive.shape).astype(jnp.int32)
    return state.at[jnp.arange(columns)[None, :], positive.astype(jnp.int32), bin_].add(real)
