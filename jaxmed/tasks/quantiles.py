"""Regression of quantiles of one measured number: a prediction that says how sure it is."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np

from jaxmed import checks, losses, metrics
from jaxmed.losses.regression import increasing_quantiles
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Figures, Judge, Values
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.regression import check_measured
from jaxmed.tasks.row_means import row_means
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Columns, Outputs


def quantile_regression(
    network: Network,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
    *,
    inputs: Inputs,
    metrics: Mapping[str, Metric] | None = None,
    unit: str = "",
) -> Task:
    """A number with an interval: the network gives one column per quantile, which are sorted.

    It minimizes `losses.pinball`. Its interval, from the lowest to the highest quantile, covers as
    often as these say on training rows only; `evaluation.conformal` makes it cover new ones.

    Args:
        network: gives [batch, quantiles].
        quantiles: increasing, in (0, 1), 0.5 among them and others on both sides.
        inputs: what the network reads of a batch.
        metrics: streaming metrics of training by name; by default the mean absolute error of the
            median.
        unit: of the label, for the axes of figures.

    Returns:
        A task with the outputs `quantiles` [batch, quantiles], sorted so that they never cross,
        `value` [batch], the median, and `interval` [batch, 2], the outer two.

    Raises:
        ValueError: if the quantiles are not such.
    """
    levels = increasing_quantiles(quantiles)
    if 0.5 not in levels[1:-1]:
        raise ValueError(
            f"quantiles is {levels}, but must hold 0.5 and others on both sides of it: add them."
        )
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'mm'.")
    middle = levels.index(0.5)

    def decode(logits: Array) -> Outputs:
        ordered = jnp.sort(logits, axis=1)
        return {
            "logits": logits,
            "quantiles": ordered,
            "value": ordered[:, middle],
            "interval": jnp.stack([ordered[:, 0], ordered[:, -1]], axis=1),
        }

    return supervised(
        network,
        width=len(levels),
        inputs=inputs,
        decode=decode,
        loss=functools.partial(losses.pinball, quantiles=levels),
        metrics={"mae": streaming.mae()} if metrics is None else metrics,
        judge=_judge(levels, unit),
    )


def _judge(levels: tuple[float, ...], unit: str) -> Judge:
    def table(columns: Columns, outputs: Columns) -> Columns:
        label, interval = np.asarray(columns["label"]), outputs["interval"]
        covered = (interval[:, 0] <= label) & (label <= interval[:, 1])
        return {
            "label": label,
            "value": outputs["value"],
            "low": interval[:, 0],
            "high": interval[:, 1],
            "pinball": _pinball(levels, label, outputs["quantiles"]),
            "coverage": covered.astype(np.int32),
        }

    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        both = table["label"], table["value"]
        caption = "Predicted medians and measured values, and how far they differ."
        yield "regression", plots.regression_scatter(*both, unit=unit), caption

    def answer(outputs: Outputs) -> Outputs:
        low, high = outputs["interval"].T
        return {"value": outputs["value"], "low": low, "high": high}

    def mae(table: Columns, weights: np.ndarray | None) -> float | np.ndarray:
        return metrics.mae(table["label"], table["value"], weights)

    return Judge(
        check=check_measured,
        table=table,
        statistics={"mae": mae, **row_means("pinball", "coverage").statistics},
        figures=figures,
        answer=answer,
        values=Values(
            truth=lambda columns: columns["label"],
            value=lambda outputs: outputs["value"],
            interval=lambda outputs: outputs["interval"],
        ),
        scores=lambda outputs: outputs["value"][:, None],
    )


def _pinball(levels: Sequence[float], label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """The pinball loss of each row in float64, as `losses.pinball` defines it."""
    error = label[:, None].astype(np.float64) - predicted
    q = np.array(levels)[None]
    return np.maximum(q * error, (q - 1) * error).mean(axis=1)
