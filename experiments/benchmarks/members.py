"""What do several networks cost as one program, compared with one?

Members of the recipe of `medmnist_best.py` on made-up images of 28 pixels; or with `--what sweep`
configurations of an MLP 30-64-32-2, batch 32, on made-up measurements, each with its own learning
rate, weight decay and dropout. Steps of one network and of several alternate, so that other work on
the machine affects both alike. The table: milliseconds per step (median), how many times the first
count that is, and seconds until the first turn has ended, compiling included. Each count is one
program.

    python experiments/benchmarks/members.py --members 1 2 4 8
    python experiments/benchmarks/members.py --what sweep --members 1 64 --steps 200

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import search
from jaxmed.data import augment, batches
from jaxmed.experiment import main, results
from jaxmed.runs import record
from jaxmed.runtime import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the benchmark."""

    what: Literal["recipe", "sweep"] = "recipe"
    """Train members of a recipe, or configurations of an MLP."""
    members: tuple[int, ...] = (1, 8)
    """Numbers of networks to compare; the first is the reference."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of each stage of the recipe's network."""
    batch_size: int = 64
    """Images per step of the recipe."""
    steps: int = 10
    """Training steps per turn."""
    rounds: int = 7
    """How often each number of networks has its turn."""
    runs: Path = Path("runs/members")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[int, list[float]]:
    """By number of networks, the seconds per step of each round."""
    turns = {count: turn(settings, count) for count in settings.members}
    starts = {count: once() for count, once in turns.items()}
    seconds: dict[int, list[float]] = {count: [] for count in turns}
    for _ in range(settings.rounds):
        for count, once in turns.items():
            seconds[count].append(once() / settings.steps)
    first = seconds[settings.members[0]]
    kind = "network" if settings.what == "recipe" else "configuration"
    values: dict[str, list[float]] = {}
    print(f"{jax.devices()[0].device_kind}, {settings.what}")
    print(f"{'number':>7}   ms per step   times the first   seconds until the first turn ended")
    for count, found in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(found, first, strict=True))
        middle = statistics.median(found) * 1000
        print(f"{count:7}   {middle:11.2f}   {ratio:15.2f}   {starts[count]:34.1f}")
        row = f"{count:,} {kind}" + ("s" if count > 1 else "")
        values[f"{row}/milliseconds_per_step"] = [middle]
        values[f"{row}/relative_cost"] = [ratio]
        values[f"{row}/start_seconds"] = [starts[count]]
    folder = record.new_run(settings.runs)
    results.from_runs(
        values,
        question=f"What do several {kind}s cost as one program?",
        data=f"made-up {'images of 28 pixels' if kind == 'network' else 'measurements'}",
        recipe="members of the recipe of `medmnist_best.py`"
        if kind == "network"
        else "MLP 30-64-32-2, batch 32",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[name for name in values if name.endswith("relative_cost")][-1:],
    ).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")
    return seconds


def turn(settings: Settings, count: int) -> Callable[[], float]:
    """Trains `count` networks for some steps, and returns how many seconds that took."""
    make = members if settings.what == "recipe" else configurations
    task, optimizer, data, batch_size = make(settings, count)
    where, key = placement.jit(), jax.random.key(0)
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    columns = where.replicate(data)
    state = where.state(init_state(task, optimizer, key, data))
    order = where.shard(batches.shuffled_rows(key, 0, len(data["label"]), batch_size), 1)

    def once() -> float:
        nonlocal state
        started = time.perf_counter()
        state, _ = run(state, columns, order)
        jax.block_until_ready(state)
        return time.perf_counter() - started

    return once


def members(
    settings: Settings, count: int
) -> tuple[jm.Task, optax.GradientTransformation, Columns, int]:
    """Task, optimizer, data and batch size of members of the recipe."""
    random = np.random.default_rng(0)
    rows = settings.steps * settings.batch_size
    data = {
        "image": random.integers(0, 256, (rows, 28, 28, 1), dtype=np.uint8),
        "label": random.integers(0, 2, rows).astype(np.int32),
    }
    # As in medmnist_best.py, for PneumoniaMNIST.
    network = jm.models.ConvNet(2, settings.widths, (1,) * len(settings.widths), dropout=0.3)
    loss = functools.partial(jm.losses.cross_entropy, label_smoothing=0.1)
    task = jm.tasks.classification(network, classes=2, inputs=jm.data.inputs.pixels(), loss=loss)
    task = jm.transforms.augmented(task, augment.per_image(augment.chest_x_ray()))
    task = jm.transforms.ensemble(task, members=count)
    return task, optax.adamw(1e-3), data, settings.batch_size


def configurations(
    settings: Settings, count: int
) -> tuple[jm.Task, optax.GradientTransformation, Columns, int]:
    """Task, optimizer, data and batch size of configurations of an MLP."""
    random, batch_size = np.random.default_rng(0), 32
    rows = settings.steps * batch_size
    features = random.normal(size=(rows, 30)).astype(np.float32)
    data = {"features": features, "label": random.integers(0, 2, rows).astype(np.int32)}

    def recipe(own: Mapping[str, Any]) -> tuple[jm.Task, optax.GradientTransformation]:
        network = jm.models.MLP((64, 32), 2, dropout=own["dropout"])
        task = jm.tasks.classification(network, classes=2, inputs=jm.data.inputs.features())
        return task, optax.adamw(own["learning_rate"], weight_decay=own["weight_decay"])

    draws = {
        "learning_rate": search.log_uniform(1e-4, 1e-2),
        "weight_decay": search.log_uniform(1e-4, 1.0),
        "dropout": search.uniform(0.0, 0.5),
    }
    task, optimizer = search.vmap_sweep(recipe, search.random_settings(draws, count, seed=0))
    return task, optimizer, data, batch_size


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
