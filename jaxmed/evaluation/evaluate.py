"""Evaluation of a whole split: one row an example, and every metric with an interval."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.metrics.bootstrap import Interval, all_with_intervals
from jaxmed.metrics import suite
from jaxmed.tasks import Task
from jaxmed.typing import Columns, Key, ModelState, Params


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model said of each example, and how good that was.

    Attributes:
        predictions: `id` [rows], `label` [rows] or [rows, labels], `probabilities`
            [rows, classes] or `value` [rows], and `group` [rows] where the split has one.
        metrics: exact statistics by name, each with its bootstrap interval.
    """

    predictions: Columns
    metrics: Mapping[str, Interval]


def predict(
    task: Task,
    params: Params,
    model_state: ModelState,
    data: Columns,
    *,
    batch_size: int = 512,
) -> dict[str, np.ndarray]:
    """What the task predicts for every row of `data`, in order, each row exactly once.

    Args:
        task: gives `predict`.
        params: its parameters.
        model_state: and what goes with them.
        data: columns, with or without a label.
        batch_size: rows at a time; changes memory, never a row.

    Returns:
        Each of the task's outputs, [rows, ...].
    """
    data, count = _rows(data, batch_size)
    run = jax.jit(task.predict)
    parts = []
    for rows in batches.ordered_rows(count, min(batch_size, count)):
        outputs = run(params, model_state, batches.take(data, rows))
        parts.append({name: np.asarray(value)[rows >= 0] for name, value in outputs.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def measure(
    task: Task,
    params: Params,
    model_state: ModelState,
    data: Columns,
    *,
    batch_size: int = 512,
    loss_batch_size: int | None = None,
) -> dict[str, float]:
    """Every statistic that suits the task, without intervals: for validation while training.

    Tasks that give neither probabilities nor values have no exact statistics: autoencoders are
    measured by the task's own streaming metrics, and pretraining without any by `mean_loss`.

    Args:
        task: what to measure.
        params: its parameters.
        model_state: and what goes with them.
        data: columns, with a `label` where the statistics compare with one.
        batch_size: rows at a time; changes memory, never a number but `loss`.
        loss_batch_size: rows at a time of `mean_loss`; by default `batch_size`.
    """
    numbers, count = _rows(data, batch_size)
    first = batches.take(numbers, np.arange(min(batch_size, count)))
    given = jax.jit(task.predict).eval_shape(params, model_state, first)
    if "value" not in given and "probabilities" not in given:
        if task.metrics:
            return _streamed(task, params, model_state, numbers, min(batch_size, count))
        size = batch_size if loss_batch_size is None else loss_batch_size
        return {"loss": mean_loss(task, params, model_state, data, batch_size=size)}
    outputs = predict(task, params, model_state, data, batch_size=batch_size)
    data, outputs = _by_position(data, outputs)
    prediction = outputs["value" if "value" in outputs else "probabilities"]
    statistics = suite(data["label"], outputs)
    return {name: float(of(data["label"], prediction)) for name, of in statistics.items()}


def mean_loss(
    task: Task,
    params: Params,
    model_state: ModelState,
    data: Columns,
    *,
    key: Key | None = None,
    batch_size: int = 512,
) -> float:
    """The mean of the training loss over the rows, for tasks that nothing else can measure.

    It is the loss as training computes it, with augmentation, dropout and statistics of the batch,
    drawn from one key, so that parameters can be compared with one another. A loss that compares
    rows, such as `image_pretraining.contrastive`, is another number at another batch size.

    Args:
        task: gives `loss`.
        params: its parameters.
        model_state: and what goes with them; it is not changed.
        data: columns with what the loss reads.
        key: of what the loss draws; by default the same at every call.
        batch_size: rows at a time.
    """
    data, count = _rows(data, batch_size)
    key = jax.random.key(0) if key is None else key
    run = jax.jit(task.loss)
    total = 0.0
    for number, rows in enumerate(batches.ordered_rows(count, min(batch_size, count))):
        own = jax.random.fold_in(key, number)
        losses, _ = run(params, model_state, batches.take(data, rows), own)
        total += float(np.asarray(losses, np.float64)[rows >= 0].sum())
    return total / count


def _streamed(
    task: Task, params: Params, model_state: ModelState, data: Columns, batch_size: int
) -> dict[str, float]:
    """The task's own metrics of what it predicts; those that are no single number are left out."""
    run = jax.jit(task.predict)
    updates = {name: jax.jit(metric.update) for name, metric in task.metrics.items()}
    states = {name: metric.empty() for name, metric in task.metrics.items()}
    for rows in batches.ordered_rows(len(next(iter(data.values()))), batch_size):
        batch = batches.take(data, rows)
        outputs = run(params, model_state, batch)
        for name, update in updates.items():
            try:
                states[name] = update(states[name], outputs, batch)
            except KeyError as error:
                raise ValueError(
                    f"metrics of the task hold {name}, which reads {error}, but there are only "
                    f"{', '.join([*outputs, *batch])}: let predict give it, or leave the metric "
                    "out."
                ) from error
    found = {name: metric.result(states[name]) for name, metric in task.metrics.items()}
    return {name: float(value) for name, value in found.items() if np.ndim(value) == 0}


def _rows(data: Columns, batch_size: int) -> tuple[dict[str, np.ndarray], int]:
    """The columns that a device can hold, and how many rows they have."""
    checks.positive("batch_size", batch_size)
    lengths = {name: len(column) for name, column in data.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"data has columns of unequal length, {lengths}: one row an example.")
    count = next(iter(lengths.values()), 0)
    if count == 0:
        raise ValueError("data is empty: give it at least one example.")
    return batches.numeric(data), count


def _by_position(
    data: Columns, outputs: dict[str, np.ndarray]
) -> tuple[Columns, dict[str, np.ndarray]]:
    """Of sequences one row a position, in order, those with a label; others as they are."""
    probabilities = outputs.get("probabilities")
    if probabilities is None or probabilities.ndim < 3:
        return data, outputs
    label = data["label"]
    real = label >= 0
    rows = np.broadcast_to(np.arange(len(label))[:, None], label.shape)[real]
    flat = {"label": label[real], "group": data.get("group", np.arange(len(label)))[rows]}
    if "id" in data and data["id"].shape == label.shape:
        flat["id"] = data["id"][real]
    return flat, {name: value[real] for name, value in outputs.items()}


def evaluate(
    task: Task,
    params: Params,
    model_state: ModelState,
    data: Columns,
    *,
    batch_size: int = 512,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Predict a labelled split and measure the predictions.

    Intervals are percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) over
    the examples, or over the groups where `data` has a `group` column, so that a patient's
    examples stay together. They tell what other samples of patients would give, and nothing of
    what retraining would.

    Args:
        task: gives `predict`.
        params: its parameters.
        model_state: and what goes with them.
        data: columns with a `label`.
        batch_size: rows at a time; changes memory, never a number.
        resamples: of the bootstrap.
        level: of the intervals, in (0, 1).
        seed: of the bootstrap.
    """
    if "label" not in data:
        raise ValueError(f"data has the columns {', '.join(data)}, but needs a `label`.")
    outputs = predict(task, params, model_state, data, batch_size=batch_size)
    data, outputs = _by_position(data, outputs)
    rows = np.arange(len(data["label"]), dtype=np.int32)
    predictions = {"id": data.get("id", rows), "label": data["label"]}
    predictions |= {name: outputs[name] for name in ("probabilities", "value") if name in outputs}
    if "group" in data:
        predictions["group"] = data["group"]
    metrics = all_with_intervals(
        data["label"],
        outputs,
        group=data.get("group"),
        resamples=resamples,
        level=level,
        seed=seed,
    )
    return Evaluation(predictions, metrics)


def write_predictions(
    path: Path, predictions: Columns, *, class_names: Sequence[str] | None = None
) -> None:
    """Write one CSV line an example; the file appears whole or not at all.

    Args:
        path: of the file.
        predictions: as in `Evaluation`.
        class_names: head the columns of probabilities; numbers by default.
    """
    heads, columns = [], []
    for name, column in predictions.items():
        if column.ndim == 1:
            heads.append(name)
            columns.append(column)
            continue
        names = class_names or [str(i) for i in range(column.shape[1])]
        if len(names) != column.shape[1]:
            raise ValueError(
                f"class_names has {len(names)} names, but {name} has {column.shape[1]} columns: "
                "give one name a column."
            )
        heads += [f"{name}_{each}" for each in names]
        columns += list(column.T)
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(heads)
            writer.writerows(zip(*(column.tolist() for column in columns), strict=True))
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
