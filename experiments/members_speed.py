"""What do several members of one task cost, trained as one program, beside one?

The recipe of `medmnist_best.py` on made-up images of 28 pixels: steps of one network and of
several take turns, so that other work on the machine hits both alike. The table: milliseconds a
step (median), how many times the first count that is, and seconds until the first turn has ended,
compiling included; each count is one program.

    python experiments/members_speed.py --members 1 2 4 8

Hardware and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

import jax
import medmnist_best
import numpy as np
import optax
import tyro

from jaxmed.data import batches
from jaxmed.training import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True)
class Settings:
    """What do several members cost beside one?"""

    members: tuple[int, ...] = (1, 8)
    """Counts to compare; the first is the measure."""
    recipe: medmnist_best.Settings = dataclasses.field(default_factory=medmnist_best.Settings)
    """Network, batch and changes of the images."""
    steps: int = 10
    """In a turn."""
    rounds: int = 7
    """How often each count has its turn."""


def main(settings: Settings) -> dict[int, list[float]]:
    """By count of members, the seconds a step of each round."""
    random = np.random.default_rng(0)
    rows = settings.steps * settings.recipe.batch_size
    data = {
        "image": random.integers(0, 256, (rows, 28, 28, 1), dtype=np.uint8),
        "label": random.integers(0, 2, rows).astype(np.int32),
    }
    turns = {count: turn(settings, count, data) for count in settings.members}
    starts = {count: once() for count, once in turns.items()}
    seconds: dict[int, list[float]] = {count: [] for count in turns}
    for _ in range(settings.rounds):
        for count, once in turns.items():
            seconds[count].append(once() / settings.steps)
    first = seconds[settings.members[0]]
    print(f"{jax.devices()[0].device_kind}, batch {settings.recipe.batch_size}")
    print("members   ms a step   times the first   seconds to the first turn's end")
    for count, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, first, strict=True))
        middle = statistics.median(found) * 1000
        print(f"{count:7}   {middle:9.1f}   {ratio:15.2f}   {starts[count]:31.1f}")
    return seconds


def turn(settings: Settings, count: int, data: Columns) -> Callable[[], float]:
    """Trains `count` members for some steps, and says how many seconds that took."""
    task, _ = medmnist_best.recipe(dataclasses.replace(settings.recipe, members=count), data)
    optimizer, where, key = optax.adamw(1e-3), placement.jit(), jax.random.key(0)
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    columns = where.whole(data)
    one_row = {name: column[:1] for name, column in columns.items()}
    state = where.whole(init_state(task, optimizer, key, one_row))
    order = where.divided(
        batches.shuffled_rows(key, 0, len(data["label"]), settings.recipe.batch_size), 1
    )

    def once() -> float:
        nonlocal state
        started = time.perf_counter()
        state, _ = run(state, columns, order)
        jax.block_until_ready(state)
        return time.perf_counter() - started

    return once


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
