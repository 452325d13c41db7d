"""What a model predicts for every row of a data set, batch by batch, under any placement."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.runtime.placement import Placement, jit
from jaxmed.tasks import Model, Task
from jaxmed.typing import Columns, Key


def predict(
    model: Model,
    data: Columns | Source,
    *,
    batch_size: int = 512,
    placement: Placement | None = None,
    workers: int = 0,
) -> dict[str, np.ndarray]:
    """What the model predicts for every row of `data`, in order, each row exactly once.

    Args:
        model: trained, or loaded from files.
        data: columns or a source, with or without a label.
        batch_size: rows at a time; changes memory, never a row.
        placement: where it runs; by default one device.
        workers: that read a source ahead, as for `data.stream.stream`.

    Returns:
        Each of the task's outputs, [rows, ...].
    """
    parts = [outputs for _, outputs in predictions(model, data, batch_size, placement, workers)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def check_running(model: Model, batch_size: int, placement: Placement | None, workers: int) -> int:
    """Refuse what nothing can be predicted with; the batch size as an int."""
    checks.made_by("model", model, Model, "a Model, such as fit(...).model or load(folder) gives")
    if placement is not None:
        checks.made_by("placement", placement, Placement, "one of runtime.placement, such as jit()")
    checks.whole("workers", workers, least=0, most=1024)
    return checks.whole("batch_size", batch_size, most=batches.MOST_ROWS)


def predictions(
    model: Model,
    data: Columns | Source,
    batch_size: int = 512,
    placement: Placement | None = None,
    workers: int = 0,
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Columns and outputs of one batch after another, on the host and without padding.

    The columns hold, beside those of `data`, `row`: the number of the row in `data`.
    """
    batch_size = check_running(model, batch_size, placement, workers)
    data = batches.opened(model.arranged(data))
    placement = placement or jit()
    run = row_program(model.task, placement, "predict", model.task.predict)
    whole = placement.replicate((model.params, model.state))
    for rows, batch in _batches(data, batch_size, placement, workers):
        outputs = run(*whole, placement.shard(batches.numeric(batch), 0))
        yield _real(rows, batch), {name: x[rows >= 0] for name, x in outputs.items()}


def losses(
    model: Model,
    data: Columns | Source,
    *,
    key: Key | None = None,
    batch_size: int = 512,
    placement: Placement | None = None,
    workers: int = 0,
) -> np.ndarray:
    """The training loss of every row, for tasks that nothing else can measure.

    It is the loss as training computes it, with augmentation, dropout and statistics of the batch,
    drawn from one key, so that models can be compared with one another. A loss that compares
    rows, such as that of `tasks.contrastive`, is another number at another batch size.

    Args:
        model: whose task gives `loss`.
        data: columns or a source with what the loss reads.
        key: of what the loss draws; by default the same at every call.
        batch_size: rows at a time, at least 1.
        placement: where it runs; by default one device.
        workers: that read a source ahead.

    Returns:
        [rows], float64.
    """
    parts = [found for _, found in loss_batches(model, data, batch_size, placement, workers, key)]
    return np.concatenate(parts)


def loss_batches(
    model: Model,
    data: Columns | Source,
    batch_size: int = 512,
    placement: Placement | None = None,
    workers: int = 0,
    key: Key | None = None,
) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Columns and losses [rows] of one batch after another, as `predictions` gives outputs."""
    batch_size = check_running(model, batch_size, placement, workers)
    data = batches.opened(data)
    placement, task = placement or jit(), model.task
    key = jax.random.key(0) if key is None else key

    def loss(params: Any, state: Any, key: Key, batch: Any) -> Any:
        return task.loss(params, state, batch, key)[0]

    run = row_program(task, placement, "losses", loss)
    whole = placement.replicate((model.params, model.state))
    for number, (rows, batch) in enumerate(_batches(data, batch_size, placement, workers)):
        own = placement.replicate(jax.random.fold_in(key, number))
        found = run(*whole, own, placement.shard(batches.numeric(batch), 0))
        yield _real(rows, batch), found[rows >= 0].astype(np.float64)


def _real(rows: np.ndarray, batch: Columns) -> dict[str, np.ndarray]:
    """The columns of a batch without padding, and `row`, their numbers in the data."""
    real = rows >= 0
    return {**{name: np.asarray(column)[real] for name, column in batch.items()}, "row": rows[real]}


def row_program(task: Task, placement: Placement, name: Hashable, function: Any) -> Any:
    """The compiled function of rows, the same one at every call for a task and a placement."""
    if (name, placement) not in task.programs:
        task.programs[name, placement] = placement.map_rows(function)
    return task.programs[name, placement]


def _batches(
    data: Columns | Source, batch_size: int, placement: Placement, workers: int
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Row numbers, -1 for padding, and the batch; every process reads all of it."""
    count = batches.count_of(data)
    if count == 0:
        raise ValueError("data is empty: give it at least one example.")
    # Sizes of a power of two: splits of nearly one size, such as folds, share one program.
    size = min(batch_size, 1 << (count - 1).bit_length())
    size = -(-size // placement.devices) * placement.devices
    lines = batches.ordered_rows(count, size)
    read = batches.read(data, lines, workers=workers)
    for rows, batch in zip(lines, read, strict=True):
        yield rows, dict(batch)
