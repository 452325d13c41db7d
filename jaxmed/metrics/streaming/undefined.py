"""A streaming metric of probabilities that is NaN as soon as one of them is."""

import jax.numpy as jnp

from jaxmed.metrics.streaming.metric import Metric
from jaxmed.metrics.streaming.outputs import real_rows
from jaxmed.typing import Array, Batch, Outputs, Tree


def nan_if_undefined(metric: Metric, output: str = "probabilities") -> Metric:
    """The same metric, but NaN if a real row has NaN among its probabilities.

    Counting needs a class for every row, and the most probable of NaN is class 0: a network that
    diverged would score as well as one that always says no.

    Args:
        metric: of an output [batch, ...].
        output: its name.
    """

    def update(state: Tree, outputs: Outputs, batch: Batch) -> Tree:
        nan = jnp.isnan(outputs[output])
        rows = nan.any(axis=tuple(range(1, nan.ndim))) & real_rows(batch)
        return {
            "sums": metric.update(state["sums"], outputs, batch),
            "undefined": state["undefined"] + jnp.sum(rows, dtype=jnp.int32),
        }

    def result(state: Tree) -> Array:
        return jnp.where(state["undefined"] > 0, jnp.nan, metric.result(state["sums"]))

    return Metric(
        lambda: {"sums": metric.empty(), "undefined": jnp.zeros((), jnp.int32)}, update, result
    )
