"""How the examples come to the step: from a split on the device, or streamed from a source."""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.data import batches, source, stream
from jaxmed.runtime import profile
from jaxmed.training.epoch import make_epoch
from jaxmed.runtime.placement import Placement
from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Batch, Columns, Scalars

Examples: TypeAlias = Columns | source.Source
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


def fits(examples: source.Source, memory: int) -> bool:
    """Whether all examples take at most a quarter of so many bytes: read once, they stay."""
    return batches.nbytes(first(examples)) * len(examples) <= memory / 4


def memory_of(device: jax.Device) -> int:
    """Bytes of the device, or of the machine where the device is its processor."""
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics:
        return int(statistics["bytes_limit"])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def first(examples: Examples) -> dict[str, np.ndarray]:
    """The first example, as columns of one row."""
    if isinstance(examples, Mapping):
        return {name: column[:1] for name, column in batches.numeric(examples).items()}
    read = source.batch_of(examples, np.zeros(1, np.int32))
    return batches.numeric({name: read[name] for name in read if name != "mask"})


def resident(train: Columns, step: Step, where: Placement) -> Feed:
    """A whole split lies on the device, and an epoch is one program."""
    train = batches.numeric(train)
    data = where.whole(train)
    epoch = _compiled_epoch(step, where)

    def run(state: TrainState, rows: np.ndarray) -> tuple[TrainState, Scalars]:
        with profile.part("input"):
            placed = where.divided(rows, 1)
        return epoch(state, data, placed)

    def program(state: TrainState, rows: np.ndarray) -> Any:
        return epoch.lower(state, data, where.divided(rows, 1)).compile()

    return Feed(
        "resident",
        len(train["label"]),
        run,
        lambda rows: batches.host_batches(train, rows),
        program if hasattr(epoch, "lower") else None,
    )


def streamed(train: source.Source, step: Step, where: Placement, *, workers: int) -> Feed:
    """Batches are read and decoded by workers while the device computes.

    Nothing waits for a step to end within an epoch. Of several processes each reads the rows of its
    own devices.

    Args:
        train: a source of examples of equal shapes.
        step: what is done with each batch.
        where: a placement.
        workers: as for `stream.stream`.
    """
    one = _compiled_step(step, where)

    def run(state: TrainState, rows: np.ndarray) -> tuple[TrainState, Scalars]:
        sums = []
        read = map(batches.numeric, stream.stream(train, where.own_rows(rows), workers=workers))
        for batch in _ahead(_timed(map(where.assembled, read))):
            state, found = one(state, batch)
            sums.append(found)
        return state, jax.tree.map(lambda *parts: jnp.stack(parts), *sums)

    def program(state: TrainState, rows: np.ndarray) -> Any:
        (batch,) = map(batches.numeric, batches.host_batches(train, where.own_rows(rows)[:1]))
        return one.lower(state, where.assembled(batch)).compile()

    return Feed(
        "streamed",
        len(train),
        run,
        lambda rows: batches.host_batches(train, rows),
        program if hasattr(one, "lower") else None,
    )


# A second `fit` of one task and optimizer under `jit` finds the program of the first.
@functools.lru_cache(maxsize=2)
def _compiled_epoch(step: Step, where: Placement) -> Any:
    return where.compile(make_epoch(step), 1)


@functools.lru_cache(maxsize=2)
def _compiled_step(step: Step, where: Placement) -> Any:
    return where.compile(step, 0)


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
