"""How fast is Cox's model with a small perceptron, beside pycox, and how fast are 25 at once?

MLP 9-32-32-1 on made-up rows as many as METABRIC's, batch 256, Adam, the same epochs in turns, so
that other work on the machine affects all alike. The 25 networks are five folds with five seeds
each, trained as one program; their rows are counted together. pycox is measured where it is
installed (`pip install pycox`), with its `MLPVanilla` without batch norm and dropout, which is the
same network.

    python experiments/benchmarks/survival_speed.py

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed.data import batches
from jaxmed.experiment import main, results
from jaxmed.runs import record
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step
from jaxmed.typing import Columns

ROWS, FEATURES = 1_904, 9  # as METABRIC has
FOLDS, SEEDS = 5, 5
WIDTHS = (32, 32)
LEARNING_RATE = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the benchmark."""

    batch_size: int = 256
    """Rows per step."""
    epochs: int = 20
    """Epochs per turn."""
    rounds: int = 7
    """How often each contender has its turn."""
    runs: Path = Path("runs/survival_speed")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, list[float]]:
    """By contender, the rows per second of each round."""
    columns = made_up()
    turns = {"jaxmed": one(columns, settings), "jaxmed, 25 networks": many(columns, settings)}
    if importlib.util.find_spec("pycox"):
        turns["pycox"] = pycox(columns, settings)
    for turn in turns.values():  # compiles
        turn()
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(settings.rounds):
        for name, turn in turns.items():
            started = time.perf_counter()
            trained = turn()
            found[name].append(trained / (time.perf_counter() - started))
    values = {}
    reference = found.get("pycox", found["jaxmed"])
    for name, rates in found.items():
        ratio = statistics.median(a / b for a, b in zip(rates, reference, strict=True))
        values[f"{name}/rows_per_second"] = [round(statistics.median(rates))]
        values[f"{name}/ratio"] = [ratio]
        print(f"{name:20} {statistics.median(rates):12,.0f} rows a second, {ratio:6.2f} times")
    folder = record.new_run(settings.runs)
    results.from_runs(
        values,
        question="How fast is Cox's model with a small perceptron?",
        data=f"made-up measurements of {ROWS:,} patients",
        recipe=f"MLP {'-'.join(map(str, WIDTHS))}, batch {settings.batch_size}, Adam",
        script=__file__,
        settings=settings,
        seeds=(),
        seconds=(),
        headline=[name for name in values if name.endswith("rows_per_second")],
    ).write(folder / "result.json")
    print(f"results: {folder / 'result.json'}")
    return found


def made_up() -> Columns:
    """Times in whole months that fall with the first column; two fifths are censored."""
    random = np.random.default_rng(0)
    features = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    return {
        "features": features,
        "time": np.ceil(random.exponential(90 * np.exp(-features[:, 0]))).astype(np.float32),
        "event": (random.uniform(size=ROWS) < 0.6).astype(np.int32),
    }


def question() -> tuple[jm.Task, optax.GradientTransformation]:
    """What both contenders of jaxmed train."""
    network = jm.models.MLP(widths=WIDTHS, outputs=1)
    task = jm.tasks.proportional_hazards(network, inputs=plain)
    return task, optax.adam(LEARNING_RATE)


def plain(batch: jm.typing.Batch) -> jm.typing.Array:
    """The columns as they are."""
    return jnp.asarray(batch["features"])


def one(columns: Columns, settings: Settings) -> Callable[[], int]:
    """Trains one network for the epochs of a turn, and returns of how many rows."""
    task, optimizer = question()
    epoch = jax.jit(make_epoch(make_train_step(task, optimizer)), donate_argnums=0)
    data, state = jax.device_put(columns), init_state(task, optimizer, jax.random.key(0), columns)
    count, numbers = len(columns["time"]), itertools.count()

    def turn() -> int:
        nonlocal state
        for number in itertools.islice(numbers, settings.epochs):
            order = batches.shuffled_rows(jax.random.key(0), number, count, settings.batch_size)
            state, _ = epoch(state, data, order)
        jax.block_until_ready(state)
        return settings.epochs * count

    return turn


def many(columns: Columns, settings: Settings) -> Callable[[], int]:
    """Trains networks of all folds and seeds as one program."""
    task, optimizer = question()
    epoch = jax.vmap(make_epoch(make_train_step(task, optimizer)), (0, None, 0))
    run, data = jax.jit(epoch, donate_argnums=0), jax.device_put(columns)
    folds = jm.data.stratified_folds(columns["event"], FOLDS, seed=0)
    least = min(len(train) for train, _ in folds)
    parts = [train[:least] for train, _ in folds for _ in range(SEEDS)]
    keys = [jax.random.key(number) for number in range(len(parts))]
    states = jax.vmap(lambda key: init_state(task, optimizer, key, columns))(jnp.stack(keys))
    numbers = itertools.count()

    def turn() -> int:
        nonlocal states
        for number in itertools.islice(numbers, settings.epochs):
            orders = [
                batches.shuffled_rows(key, number, least, settings.batch_size) for key in keys
            ]
            rows = [
                np.where(order < 0, order, part[order])
                for order, part in zip(orders, parts, strict=True)
            ]
            states, _ = run(states, data, np.stack(rows).astype(np.int32))
        jax.block_until_ready(states)
        return settings.epochs * least * len(parts)

    return turn


def pycox(columns: Columns, settings: Settings) -> Callable[[], int]:
    """Trains pycox's CoxPH."""
    import torch
    import torchtuples
    from pycox.models import CoxPH

    torch.set_num_threads(1)  # two wait for each other, and are slower
    width = columns["features"].shape[1]
    network = torchtuples.practical.MLPVanilla(
        width, list(WIDTHS), 1, batch_norm=False, dropout=None, output_bias=False
    )
    model = CoxPH(network, torchtuples.optim.Adam(LEARNING_RATE))
    target = columns["time"].astype(np.float32), columns["event"].astype(np.float32)

    def turn() -> int:
        model.fit(
            columns["features"],
            target,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            verbose=False,
        )
        return settings.epochs * len(target[0])

    return turn


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
