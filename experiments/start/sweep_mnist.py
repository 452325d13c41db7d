"""Which settings suit the introduction's perceptron? Hundreds of them, trained by one program.

Learning rate, weight decay, label smoothing and dropout are drawn at random and traced: all
configurations are trained side by side under `vmap`, the best third goes on, and again (successive
halving). The last 10,000 training digits choose; the test digits are used once per seed, by the
chosen configuration trained anew on all 60,000. With `--shapes` Optuna searches from outside what
cannot be traced, the widths of the layers: each of its trials is such a search of its own.

    pip install -e '.[sweeps]'    # for --shapes only
    python experiments/start/sweep_mnist.py
    python experiments/start/sweep_mnist.py --shapes 8 --configurations 16

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import jaxmed as jm
from jaxmed import search
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds
from jaxmed.files import write_whole
from jaxmed.typing import Columns

HELD_OUT = 10_000
"""Training digits, the last ones, that choose."""
DRAWS = {
    "learning_rate": search.log_uniform(1e-4, 1e-2),
    "weight_decay": search.log_uniform(1e-4, 1.0),
    "label_smoothing": search.uniform(0.0, 0.2),
    "dropout": search.uniform(0.0, 0.6),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    configurations: int = 64
    """Configurations that are drawn and trained side by side; memory grows with them."""
    epochs: tuple[int, ...] = (1, 3, 10)
    """Epochs that a configuration has been trained at the end of each round; a third goes on."""
    widths: tuple[int, ...] = (512, 256)
    """Units of each hidden layer; searched where `shapes` is given."""
    shapes: int = 0
    """Trials of Optuna over the widths, each with a search of its own; 0 keeps `widths`."""
    batch_size: int = 128
    """Digits per step."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """One training run of the chosen configuration per seed; the first is that of the search."""
    runs: Path = Path("runs/sweep_mnist")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Search, train the best configuration anew and test it once per seed."""
    every, _, test = jm.data.load("mnist", **settings.places())
    columns = jm.data.columns(every)
    held_out = min(HELD_OUT, len(every) // 6)
    train = jm.data.take_rows(columns, slice(None, -held_out))
    validation = jm.data.take_rows(columns, slice(-held_out, None))
    started = time.perf_counter()
    widths, found = best_search(settings, train, validation)
    searched = time.perf_counter() - started
    chosen = ", ".join(f"{name} {value:.3g}" for name, value in found.best_settings().items())
    print(search.halving_table(found, rows=8))
    print(f"chosen on {held_out} held-out digits: widths {widths}, {chosen}")

    steps = settings.epochs[-1] * math.ceil(len(every) / settings.batch_size)
    task, optimizer = recipe(found.best_settings(), widths=widths, steps=steps)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            every,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            steps=steps,
            run=run,
        )

    def after(seed: int, directory: Path, *_: Any) -> dict[str, float]:
        if seed != settings.seeds[0]:
            return {}
        write(directory.parent, found)
        return {"search_seconds": searched}

    shape = "-".join(map(str, (784, *widths, 10)))
    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which settings suit this MLP?",
        data="MNIST",
        recipe=f"MLP {shape}, best of {settings.configurations} settings on held-out training "
        f"digits, {settings.epochs[-1]} epochs",
        headline=("accuracy", "auroc", "search_seconds"),
        after=after,
    )


def recipe(
    settings: Mapping[str, Any], *, widths: Sequence[int], steps: int
) -> tuple[jm.Task, optax.GradientTransformation]:
    """The perceptron under one configuration, whose numbers may be traced."""
    task = jm.tasks.classification(
        jm.models.MLP(widths=tuple(widths), outputs=10, dropout=settings["dropout"]),
        classes=jm.data.catalogue.entry("mnist").classes,
        inputs=jm.data.inputs.unit_pixels,
        loss=functools.partial(
            jm.losses.cross_entropy, label_smoothing=settings["label_smoothing"]
        ),
    )
    shape = optax.cosine_onecycle_schedule(steps, 1.0, pct_start=0.2)
    optimizer = optax.adamw(
        lambda step: settings["learning_rate"] * shape(step),
        weight_decay=settings["weight_decay"],
    )
    return task, optimizer


def best_search(
    settings: Settings, train: Columns, validation: Columns
) -> tuple[tuple[int, ...], search.Halving]:
    """The best widths and what was found with them."""
    found: dict[tuple[int, ...], search.Halving] = {}

    def tried(widths: tuple[int, ...]) -> float:
        if widths not in found:
            found[widths] = halving(settings, widths, train, validation)
            print(f"widths {widths}: best validation accuracy {best_score(found[widths]):.4f}")
        return best_score(found[widths])

    widths = settings.widths
    if settings.shapes:
        study = search.optuna_search(
            lambda trial: tried(suggested_widths(trial)), settings.shapes, seed=settings.seeds[0]
        )
        widths = suggested_widths(study.best_trial)
    tried(widths)
    return widths, found[widths]


def halving(
    settings: Settings, widths: tuple[int, ...], train: Columns, validation: Columns
) -> search.Halving:
    """Successive halving of random configurations of one network."""
    seed = settings.seeds[0]
    per_epoch = math.ceil(len(train["label"]) / settings.batch_size)
    steps = [epochs * per_epoch for epochs in settings.epochs]
    return search.successive_halving(
        functools.partial(recipe, widths=widths, steps=steps[-1]),
        search.random_settings(DRAWS, settings.configurations, seed=seed),
        train,
        validation,
        score=lambda columns, outputs: float(
            np.mean(outputs["probabilities"].argmax(1) == columns["label"])
        ),
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=steps,
    )


def suggested_widths(trial: Any) -> tuple[int, ...]:
    """One to three layers, each of a power of two."""
    layers = trial.suggest_int("layers", 1, 3)
    return tuple(2 ** trial.suggest_int(f"width {n + 1}", 6, 10) for n in range(layers))


def best_score(found: search.Halving) -> float:
    """The validation accuracy of the best configuration, at the end."""
    return float(found.scores[-1, found.best])


def write(folder: Path, found: search.Halving) -> None:
    """Write the configurations as a table, `search.txt`, and as a plot, `search.png`."""
    write_whole(folder / "search.txt", search.halving_table(found) + "\n")
    figure = jm.plots.sweep_scatter(
        found.settings,
        found.scores,
        best=found.best,
        logarithmic=("learning_rate", "weight_decay"),
        metric="Validation accuracy",
    )
    figure.savefig(folder / "search.png")
    print(f"table and plot of the search: {folder / 'search.txt'}, {folder / 'search.png'}")


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
