"""Regression of one measured number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from jaxmed import checks, losses, metrics
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Figures, Judge, Statistic, Values
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Columns, Loss, Outputs, Tree


def regression(
    network: Network,
    *,
    inputs: Inputs,
    loss: Loss | Fitted = losses.squared_error,
    metrics: Mapping[str, Metric] | None = None,
    unit: str = "",
    standardized: bool = False,
) -> Task:
    """A number: the network gives [batch, 1], the outputs `value` [batch].

    Args:
        network: gives [batch, 1].
        inputs: what the network reads of a batch.
        loss: of (values [batch], labels [batch]).
        metrics: streaming metrics of training by name; by default the mean absolute error.
        unit: of the label, for the axes of figures.
        standardized: whether the network learns (label - mean) / deviation, with mean and deviation
            of the training split, so that one learning rate suits labels of every size. The loss
            is of standardized values then; `value` is in the unit of the label.
    """
    checks.flag("standardized", standardized)
    if not isinstance(unit, str):
        raise ValueError(f"unit is {checks.shown(unit)}, but must be a string, such as 'mm'.")

    def decode(logits: Array) -> Outputs:
        return {"logits": logits[:, 0], "value": logits[:, 0]}

    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=_in_its_unit() if standardized else decode,
        loss=_of_standardized(loss) if standardized else loss,
        metrics={"mae": streaming.mae()} if metrics is None else metrics,
        judge=of_numbers(unit),
    )


def _label_moments() -> Counts:
    def sums(columns: Columns) -> Tree:
        label = np.asarray(columns["label"], np.float64)
        return {"count": len(label), "sum": label.sum(), "squares": np.square(label).sum()}

    def constants(sums: Tree) -> Tree:
        mean = sums["sum"] / sums["count"]
        variance = sums["squares"] / sums["count"] - mean**2
        varies = variance > 1e-12 * sums["squares"] / sums["count"]
        deviation = np.sqrt(variance) if varies else 1.0
        return {"mean": np.float32(mean), "deviation": np.float32(deviation)}

    return Counts(sums, constants)


def _in_its_unit() -> Fitted:
    def decode(constants: Tree, logits: Array) -> Outputs:
        standardized = logits[:, 0]
        value = standardized * constants["deviation"] + constants["mean"]
        return {"logits": standardized, "value": value}

    return Fitted(decode, _label_moments())


def _of_standardized(loss: Loss | Fitted) -> Fitted:
    if isinstance(loss, Fitted):
        raise ValueError("loss counts constants of its own: leave standardized out.")

    def apply(constants: Tree, logits: Array, label: Array) -> Array:
        return loss(logits, (label - constants["mean"]) / constants["deviation"])

    return Fitted(apply, _label_moments())


def of_numbers(unit: str = "") -> Judge:
    """The judge of one measured number per example, in this unit."""

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
