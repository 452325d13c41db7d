"""One row per predicted unit: what statistics, intervals and reports are made of."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.predict import loss_batches, predictions
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Judge, Model
from jaxmed.tasks.row_means import row_means
from jaxmed.typing import Columns

_ADDED = ("mask", "place", "row")
"""Columns that batches have beside those of the data."""


def prediction_table(
    model: Model,
    data: Columns | Source,
    *,
    batch_size: int = 512,
    loss_batch_size: int | None = None,
    placement: Placement | None = None,
    workers: int = 0,
) -> tuple[Judge, dict[str, np.ndarray]]:
    """The judge and one row per unit; the losses where the task has no statistics of its own.

    Args:
        model: trained.
        data: columns or a source with the targets of the task.
        batch_size: rows at a time.
        loss_batch_size: rows at a time where the loss is what measures; by default `batch_size`.
        placement: where it runs; by default one device.
        workers: that read a source ahead.
    """
    judge = model.task.judge
    tables: list[Columns] = []
    sources: list[Columns] = []
    if not judge.statistics:
        size = loss_batch_size or batch_size
        for columns, losses in loss_batches(model, data, size, placement, workers):
            tables.append({"loss": losses})
            sources.append(_identity(columns))
        return row_means("loss"), _identified(tables, sources)
    for columns, outputs in predictions(model, data, batch_size, placement, workers):
        _check(judge, columns)
        tables.append(judge.table(columns, outputs))
        sources.append(_identity(columns))
    return judge, _identified(tables, sources)


def streamed_metrics(
    model: Model,
    data: Columns | Source,
    batch_size: int,
    placement: Placement | None,
    workers: int,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The task's own metrics of a split, for tasks without exact statistics.

    Args:
        model: trained.
        data: columns or a source with what the metrics read.
        batch_size: rows at a time.
        placement: where it runs; by default one device.
        workers: that read a source ahead.

    Returns:
        The metrics by name, without those that are not a single number, and `id` and `group` of
        each example.
    """
    metrics = model.task.metrics
    states = {name: metric.empty() for name, metric in metrics.items()}
    sources = []
    for columns, outputs in predictions(model, data, batch_size, placement, workers):
        sources.append(_identity(columns))
        predicted, batch = (
            {name: jnp.asarray(column) for name, column in batches.numeric(part).items()}
            for part in (outputs, columns)
        )
        for name, metric in metrics.items():
            try:
                states[name] = metric.update(states[name], predicted, batch)
            except KeyError as error:
                raise ValueError(
                    f"metrics of the task hold {name}, which reads {error}, but there are only "
                    f"{', '.join([*outputs, *columns])}: let predict give it, or leave the metric "
                    "out."
                ) from error
    found = {name: metric.result(states[name]) for name, metric in metrics.items()}
    numbers = {name: float(value) for name, value in found.items() if np.ndim(value) == 0}
    return numbers, _concatenated(sources)


def _check(judge: Judge, columns: Columns) -> None:
    """Refuse a batch whose targets the judge finds wrong."""
    given = {name: column for name, column in columns.items() if name not in _ADDED}
    problem = judge.check(given, training=False)
    if problem is not None:
        first = columns["row"][0]
        counted = f", rows counted from its row {first}," if first else ""
        raise ValueError(f"data{counted} {problem}.")


def _identity(columns: Columns) -> dict[str, np.ndarray]:
    """`id`, by default the number of the row, and `group`, where the data has one."""
    found = {"id": columns.get("id", columns["row"])}
    return found | ({"group": columns["group"]} if "group" in columns else {})


def _identified(tables: Sequence[Columns], sources: Sequence[Columns]) -> dict[str, np.ndarray]:
    """The tables of all batches as one, with `id` first and `group` last.

    What the tables lack of the two is taken from the data if they have one row per example.
    """
    lengths = [len(next(iter(table.values()))) for table in tables]
    table = _concatenated(tables)
    if lengths == [len(source["id"]) for source in sources]:
        source = _concatenated(sources)
    else:
        source = {"id": np.arange(sum(lengths), dtype=np.int32)}
    source |= {name: table.pop(name) for name in ("id", "group") if name in table}
    return {"id": source.pop("id"), **table, **source}


def _concatenated(parts: Sequence[Columns]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
