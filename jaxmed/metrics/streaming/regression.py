"""Streaming metrics of predicted values."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.metrics.streaming.means import mean_over_rows
from jaxmed.metrics.streaming.metric import Metric, ratio
from jaxmed.metrics.streaming.outputs import real_rows, value_error
from jaxmed.typing import Array, Batch, Outputs, Tree

_RESOLUTION = float(np.finfo(np.float32).eps)


def mae() -> Metric:
    """Mean absolute error, in the unit of the label."""
    return mean_over_rows(lambda outputs, batch: jnp.abs(value_error(outputs, batch)))


def rmse() -> Metric:
    """Root of the mean squared error, in the unit of the label."""
    mean = mean_over_rows(lambda outputs, batch: value_error(outputs, batch) ** 2)
    return dataclasses.replace(mean, result=lambda state: jnp.sqrt(mean.result(state)))


def r2(*, center: float = 0.0) -> Metric:
    """Coefficient of determination: the fraction of the labels' variance that is explained.

    1 - sum (y - value)^2 / sum (y - mean of y)^2. It is NaN if the labels do not vary.

    Args:
        center: a number near the mean of the labels, such as the mean of the training split. The
            sums are float32: set it if the labels vary little around a large mean, for example by
            1 around 1000.
    """
    checks.finite("center", center)

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        real = real_rows(batch)
        label = batch["label"].astype(jnp.float32) - center
        squared_error = value_error(outputs, batch) ** 2
        return {
            "rows": state["rows"] + jnp.sum(real),
            "label": state["label"] + jnp.sum(label, where=real),
            "label_squared": state["label_squared"] + jnp.sum(label**2, where=real),
            "squared_error": state["squared_error"] + jnp.sum(squared_error, where=real),
        }

    def result(state: Tree) -> Array:
        mean = ratio(state["label"], state["rows"])
        total = state["label_squared"] - mean * state["label"]
        # A smaller total is only the rounding error of labels that do not vary.
        varies = total > 8 * _RESOLUTION * state["label_squared"]
        return 1 - ratio(state["squared_error"], jnp.where(varies, total, 0.0))

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
