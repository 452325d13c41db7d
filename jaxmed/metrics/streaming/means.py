"""Streaming metrics that are a mean over rows."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.metrics.streaming.metric import Metric, ratio
from jaxmed.metrics.streaming.outputs import (
    class_probabilities,
    label_probabilities,
    output,
    real_rows,
)
from jaxmed.metrics.streaming.undefined import nan_if_undefined
from jaxmed.typing import Array, Batch, Outputs, Tree

_RESOLUTION = float(np.finfo(np.float32).eps)


def accuracy() -> Metric:
    """The fraction of rows whose most probable class is the true one."""

    def correct(outputs: Outputs, batch: Batch) -> Array:
        return jnp.argmax(class_probabilities(outputs, batch), axis=1) == batch["label"]

    return nan_if_undefined(mean_over_rows(correct, dtype=jnp.int32))


def multilabel_accuracy() -> Metric:
    """The fraction of labels, over all rows and labels, that are predicted correctly."""

    def correct(outputs: Outputs, batch: Batch) -> Array:
        return (label_probabilities(outputs, batch) > 0.5) == (batch["label"] > 0)

    return nan_if_undefined(mean_over_rows(correct, dtype=jnp.int32))


def brier() -> Metric:
    """Brier score: mean squared distance of the probabilities from the truth; 0 is perfect.

    With two classes (p_1 - y)^2, in [0, 1]; with more sum_k (p_k - [y = k])^2, in [0, 2].

    References:
        Brier, Verification of forecasts expressed in terms of probability, 1950, equation 2.
    """

    def distance(outputs: Outputs, batch: Batch) -> Array:
        probabilities = class_probabilities(outputs, batch)
        if probabilities.shape[1] == 2:
            return (probabilities[:, 1] - batch["label"]) ** 2
        truth = jax.nn.one_hot(batch["label"], probabilities.shape[1])
        return jnp.sum((probabilities - truth) ** 2, axis=1)

    return nan_if_undefined(mean_over_rows(distance))


def log_loss() -> Metric:
    """Mean of -log of the probability of the true class, in nats.

    Probabilities are clipped from below at the resolution of float32, 1.2e-7, so that one confident
    mistake costs 16 nats and not infinity.
    """

    def surprise(outputs: Outputs, batch: Batch) -> Array:
        probabilities = class_probabilities(outputs, batch)
        truth = jnp.take_along_axis(probabilities, batch["label"][:, None], axis=1)[:, 0]
        return -jnp.log(jnp.maximum(truth, _RESOLUTION))

    return nan_if_undefined(mean_over_rows(surprise))


def mean_of(name: str) -> Metric:
    """Mean of an output with one number per row, such as the `error` of a reconstruction.

    Args:
        name: of the output [batch].
    """
    checks.text("name", name)
    return mean_over_rows(lambda outputs, batch: output(name, outputs, batch))


def mean_over_rows(of: Callable[[Outputs, Batch], Array], *, dtype: Any = jnp.float32) -> Metric:
    """The mean over real rows of a function of outputs and batch.

    Args:
        of: `(outputs, batch)` -> [batch] or [batch, labels].
        dtype: of the sum.
    """

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        rows = of(outputs, batch)
        real = real_rows(batch).reshape(-1, *[1] * (rows.ndim - 1))
        real = jnp.broadcast_to(real, rows.shape)
        return {
            "sum": state["sum"] + jnp.sum(rows, where=real, dtype=dtype),
            "count": state["count"] + jnp.sum(real, dtype=jnp.int32),
        }

    return Metric(
        empty=lambda: {"sum": jnp.zeros((), dtype), "count": jnp.zeros((), jnp.int32)},
        update=update,
        result=lambda state: ratio(state["sum"], state["count"]),
    )
