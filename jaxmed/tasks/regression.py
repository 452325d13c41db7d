"""Regression of one measured number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxmed import checks, losses, metrics
from jaxmed.fitted import Fitted
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Figures, Judge, Statistic, Values
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Columns, Loss, Outputs


def regression(
    network: Network,
    *,
    inputs: Inputs,
    loss: Loss | Fitted = losses.squared_error,
    metrics: Mapping[str, Metric] | None = None,
    unit: str = "",
) -> Task:
    """A number: the network gives [batch, 1], the outputs `value` [batch].

    Args:
        network: gives [batch, 1].
        inputs: what the network reads of a batch.
        loss: of (values [batch], labels [batch]).
        metrics: streaming metrics of training by name; by default the mean absolute error.
        unit: of the label, for the axes of figures.
    """
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'mm'.")

    def decode(logits: Array) -> Outputs:
        return {"logits": logits[:, 0], "value": logits[:, 0]}

    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=decode,
        loss=loss,
        metrics={"mae": streaming.mae()} if metrics is None else metrics,
        judge=_judge(unit),
    )


def _judge(unit: str) -> Judge:
    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        figure = plots.regression_scatter(table["label"], table["value"], unit=unit)
        yield "regression", figure, "Predicted and measured values, and how far they differ."

    def table(columns: Columns, outputs: Columns) -> Columns:
        return {"label": columns["label"], "value": outputs["value"]}

    return Judge(
        check=check_measured,
        table=table,
        statistics={
            "mae": _of_table(metrics.mae),
            "rmse": _of_table(metrics.rmse),
            "r2": _of_table(metrics.r2),
        },
        figures=figures,
        answer=lambda outputs: {"value": outputs["value"]},
        values=Values(lambda columns: columns["label"], lambda outputs: outputs["value"]),
        scores=lambda outputs: outputs["value"][:, None],
    )


def _of_table(statistic: Callable[..., Any]) -> Statistic:
    return lambda table, weights: statistic(table["label"], table["value"], weights)


def check_measured(columns: Columns, *, training: bool) -> str | None:
    """What is wrong with labels that should be one measured number per example, or None."""
    del training
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    label = columns["label"]
    if label.ndim != 1:
        return f"has labels of shape {label.shape}, but needs one number per example"
    if label.dtype.kind not in "biuf":
        return f"has labels of dtype {label.dtype}, but needs measured numbers: convert them"
    bad = np.flatnonzero(~np.isfinite(label))
    if bad.size:
        return (
            f"has a label that is not finite in {bad.size} rows, the first is row {bad[0]}: leave "
            "them out"
        )
    return None
