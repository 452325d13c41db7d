"""How the examples come to the step: from a split on the device, or streamed from a source."""

from __future__ import annotations

import collections
import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches, source, stream
from jaxmed.data.source import Source
from jaxmed.runtime import profile
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Task
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Batch, Columns, Scalars

AHEAD = 2
"""Streamed batches that lie on the device before they are needed."""


@dataclasses.dataclass(frozen=True)
class Feed:
    """A step over many batches, and where their examples are.

    Attributes:
        name: "resident" or "streamed".
        count: how many examples there are.
        run: `(state, rows [steps, batch]) -> (state, sums [steps, ...])`.
        replay: the batches of some rows once more, on the host.
        program: `(state, rows)` to the compiled program of one step over such rows; None where the
            placement has none that could be asked, as `pmap`.
    """

    name: str
    count: int
    run: Callable[[TrainState, np.ndarray], tuple[TrainState, Scalars]]
    replay: Callable[[np.ndarray], Iterator[Batch]]
    program: Callable[[TrainState, np.ndarray], Any] | None


def in_memory(data: Columns | Source, name: str = "data") -> Columns | Source:
    """The columns of what fits: a source that takes at most a quarter of the memory is read.

    `name` is what the caller calls the split.
    """
    data = batches.opened(data, name)
    if isinstance(data, Mapping) or len(data) == 0:
        return data
    memory = memory_of(jax.local_devices()[0])
    fits = batches.nbytes(first(data)) * len(data) <= memory / 4
    return source.columns(data, allow_missing=True) if fits else data


def memory_of(device: jax.Device) -> int:
    """Bytes of the device, or of the machine where the device is its processor."""
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics:
        return int(statistics["bytes_limit"])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def first(data: Columns | Source) -> dict[str, np.ndarray]:
    """The first example, as columns of one row."""
    if isinstance(data, Mapping):
        return {name: column[:1] for name, column in batches.numeric(data).items()}
    read = source.batch_of(data, np.zeros(1, np.int32))
    return batches.numeric({name: read[name] for name in read if name not in ("mask", "place")})


def open_feed(
    task: Task, data: Columns | Source, step: Step, placement: Placement, *, workers: int
) -> Feed:
    """Columns stay on the device, and an epoch is one program; a source is streamed."""
    if isinstance(data, Mapping):
        return resident(task, data, step, placement)
    return streamed(task, data, step, placement, workers=workers)


def resident(task: Task, train: Columns, step: Step, placement: Placement) -> Feed:
    """A whole split lies on the device, and an epoch is one program."""
    train = batches.numeric(train)
    data = placement.replicate(train)
    epoch = _kept(task, ("epoch", step, placement), lambda: placement.compile(make_epoch(step), 1))

    def run(state: TrainState, rows: np.ndarray) -> tuple[TrainState, Scalars]:
        with profile.part("input"):
            placed = placement.shard(rows, 1)
        return epoch(state, data, placed)

    def program(state: TrainState, rows: np.ndarray) -> Any:
        return epoch.lower(state, data, placement.shard(rows, 1)).compile()

    return Feed(
        "resident",
        batches.count_of(train),
        run,
        lambda rows: batches.read(train, rows),
        program if hasattr(epoch, "lower") else None,
    )


def streamed(task: Task, train: Source, step: Step, placement: Placement, *, workers: int) -> Feed:
    """Batches are read and decoded by workers while the device computes.

    Nothing waits for a step to end within an epoch. Of several processes each reads the rows of its
    own devices.

    Args:
        task: which is learned.
        train: a source of examples of equal shapes.
        step: what is done with each batch.
        placement: where the steps run.
        workers: as for `stream.stream`.
    """
    one = _kept(task, ("one step", step, placement), lambda: placement.compile(step, 0))

    def local_batches(rows: np.ndarray, workers: int) -> Iterator[Batch]:
        places = placement.local_rows(np.arange(rows.shape[1])[None])[0]
        for batch in stream.stream(train, placement.local_rows(rows), workers=workers):
            yield placement.from_local({**batches.numeric(batch), "place": places})

    def run(state: TrainState, rows: np.ndarray) -> tuple[TrainState, Scalars]:
        sums = []
        for batch in _ahead(_timed(local_batches(rows, workers))):
            state, found = one(state, batch)
            sums.append(found)
        return state, jax.tree.map(lambda *parts: jnp.stack(parts), *sums)

    def program(state: TrainState, rows: np.ndarray) -> Any:
        (batch,) = local_batches(rows[:1], 0)
        return one.lower(state, batch).compile()

    return Feed(
        "streamed",
        len(train),
        run,
        lambda rows: map(batches.numeric, batches.read(train, rows)),
        program if hasattr(one, "lower") else None,
    )


def _kept(task: Task, name: Any, make: Callable[[], Any]) -> Any:
    """A compiled program, which a second `fit` of the same task, step and placement finds."""
    if name not in task.programs:
        task.programs[name] = make()
    return task.programs[name]


def _timed(placed: Iterator[Batch]) -> Iterator[Batch]:
    """The same; waiting for each is `input`, not the device's time."""
    while True:
        with profile.part("input"):
            batch = next(placed, None)
        if batch is None:
            return
        yield batch


def _ahead(placed: Iterator[Batch]) -> Iterator[Batch]:
    """The same, always a few ahead: what is handed to a device travels while it computes."""
    waiting: collections.deque[Batch] = collections.deque()
    for batch in placed:
        waiting.append(batch)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting
