"""What do several networks cost, trained as one program, beside one?

Members of the recipe of `medmnist_best.py` on made-up images of 28 pixels; or with `--what sweep`
configurations of a perceptron 30-64-32-2, batch 32, on made-up measurements, each with a learning
rate, weight decay and dropout of its own. Steps of one network and of several take turns, so that
other work on the machine hits both alike. The table: milliseconds a step (median), how many times
the first count that is, and seconds until the first turn has ended, compiling included; each count
is one program.

    python experiments/members_speed.py --members 1 2 4 8
    python experiments/members_speed.py --what sweep --members 1 64 --steps 200

Hardware and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Literal

import jax
import medmnist_best
import numpy as np
import optax
import tyro

from jaxmed import models, tasks
from jaxmed.search import sweeps
from jaxmed.data import batches, inputs
from jaxmed.tasks import Task
from jaxmed.runtime import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True)
class Settings:
    """What do several networks cost beside one?"""

    what: Literal["recipe", "sweep"] = "recipe"
    """Members of a recipe, or configurations of a perceptron."""
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
    turns = {count: turn(settings, count) for count in settings.members}
    starts = {count: once() for count, once in turns.items()}
    seconds: dict[int, list[float]] = {count: [] for count in turns}
    for _ in range(settings.rounds):
        for count, once in turns.items():
            seconds[count].append(once() / settings.steps)
    first = seconds[settings.members[0]]
    print(f"{jax.devices()[0].device_kind}, {settings.what}")
    print("members   ms a step   times the first   seconds to the first turn's end")
    for count, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, first, strict=True))
        middle = statistics.median(found) * 1000
        print(f"{count:7}   {middle:9.2f}   {ratio:15.2f}   {starts[count]:31.1f}")
    return seconds


def members(
    settings: Settings, count: int
) -> tuple[Task, optax.GradientTransformation, Columns, int]:
    """Task, optimizer, data and batch size of members of the recipe."""
    random, batch_size = np.random.default_rng(0), settings.recipe.batch_size
    rows = settings.steps * batch_size
    data = {
        "image": random.integers(0, 256, (rows, 28, 28, 1), dtype=np.uint8),
        "label": random.integers(0, 2, rows).astype(np.int32),
    }
    task, _ = medmnist_best.recipe(dataclasses.replace(settings.recipe, members=count), data)
    return task, optax.adamw(1e-3), data, batch_size


def configurations(
    settings: Settings, count: int
) -> tuple[Task, optax.GradientTransformation, Columns, int]:
    """Task, optimizer, data and batch size of configurations of a perceptron."""
    random, batch_size = np.random.default_rng(0), 32
    rows = settings.steps * batch_size
    features = random.normal(size=(rows, 30)).astype(np.float32)
    data = {"features": features, "label": random.integers(0, 2, rows).astype(np.int32)}

    def recipe(own: sweeps.Settings) -> tuple[Task, optax.GradientTransformation]:
        network = models.MLP((64, 32), 2, dropout=own["dropout"])
        task = tasks.classification(network, classes=2, inputs=inputs.features(features))
        return task, optax.adamw(own["learning_rate"], weight_decay=own["weight_decay"])

    draws = {
        "learning_rate": sweeps.log_uniform(1e-4, 1e-2),
        "weight_decay": sweeps.log_uniform(1e-4, 1.0),
        "dropout": sweeps.uniform(0.0, 0.5),
    }
    task, optimizer = sweeps.swept(recipe, sweeps.random_settings(draws, count, seed=0))
    return task, optimizer, data, batch_size


def turn(settings: Settings, count: int) -> Callable[[], float]:
    """Trains `count` networks for some steps, and says how many seconds that took."""
    make = members if settings.what == "recipe" else configurations
    task, optimizer, data, batch_size = make(settings, count)
    where, key = placement.jit(), jax.random.key(0)
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    columns = where.whole(data)
    one_row = {name: column[:1] for name, column in columns.items()}
    state = where.whole(init_state(task, optimizer, key, one_row))
    order = where.divided(batches.shuffled_rows(key, 0, len(data["label"]), batch_size), 1)

    def once() -> float:
        nonlocal state
        started = time.perf_counter()
        state, _ = run(state, columns, order)
        jax.block_until_ready(state)
        return time.perf_counter() - started

    return once


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
