"""Which settings suit the introduction's perceptron? Hundreds of them, trained by one program.

Learning rate, weight decay, label smoothing and dropout are drawn at random and traced: all
configurations are trained side by side under `vmap`, the best third goes on, and again (successive
halving). The last 10,000 training digits choose; the test digits are looked at once a seed, by the
chosen configuration trained anew on all 60,000. With `--shapes` Optuna searches from outside what
cannot be traced, the widths of the layers: each of its trials is such a search of its own.

    pip install -e '.[sweeps]'    # for --shapes only
    python experiments/sweep_mnist.py
    python experiments/sweep_mnist.py --shapes 8 --configurations 16

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

from jaxmed.experiment import command_line, seeds
from jaxmed import losses, models, tasks
from jaxmed.search import sweeps
from jaxmed.data import catalogue, inputs, source
from jaxmed.plots.sweep import sweep as sweep_plot
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns

HELD_OUT = 10_000
"""Training digits, the last ones, that choose."""
DRAWS = {
    "learning_rate": sweeps.log_uniform(1e-4, 1e-2),
    "weight_decay": sweeps.log_uniform(1e-4, 1.0),
    "label_smoothing": sweeps.uniform(0.0, 0.2),
    "dropout": sweeps.uniform(0.0, 0.6),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    configurations: int = 64
    """Drawn at random and trained side by side; memory grows with them."""
    epochs: tuple[int, ...] = (1, 3, 10)
    """Times through the training digits at the end of each round; a third goes on."""
    widths: tuple[int, ...] = (512, 256)
    """Units of the hidden layers; searched where `shapes` is given."""
    shapes: int = 0
    """Trials of Optuna over the widths, each with a search of its own; 0 keeps `widths`."""
    batch_size: int = 128
    """Digits a step."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the chosen configuration on all training digits; the first is that of the search, too."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/sweep_mnist")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Search, train the best configuration anew and test it once a seed."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    every, test = (
        source.columns(catalogue.open_split("mnist", split, **places))
        for split in ("train", "test")
    )
    folder = record.new_run(settings.runs)
    record.describe_run(folder, settings)
    held_out = min(HELD_OUT, len(every["label"]) // 6)
    train = {name: column[:-held_out] for name, column in every.items()}
    validation = {name: column[-held_out:] for name, column in every.items()}
    widths, found = search(settings, train, validation, folder)
    best = found.best_settings()
    chosen = ", ".join(f"{name} {value:.3g}" for name, value in best.items())
    print(f"chosen on {held_out} held-out digits: widths {widths}, {chosen}\n")

    steps = settings.epochs[-1] * steps_per_epoch(settings, every)

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        task, optimizer = recipe(best, widths=widths, steps=steps)
        trained = fit(
            task,
            optimizer,
            every,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=settings.epochs[-1],
            directory=directory,
            track=[record.progress(settings.epochs[-1])],
        )
        return task, trained

    return seeds.repeat(
        train_once,
        test,
        seeds=settings.seeds,
        folder=folder,
        title="MNIST, perceptron, searched settings",
        settings=settings,
        class_names=catalogue.entry("mnist").classes,
    )


def recipe(
    settings: sweeps.Settings, *, widths: Sequence[int], steps: int
) -> tuple[tasks.Task, optax.GradientTransformation]:
    """The perceptron under one configuration, whose numbers may be traced."""
    task = tasks.classification(
        models.MLP(widths=tuple(widths), outputs=10, dropout=settings["dropout"]),
        classes=10,
        inputs=inputs.unit_pixels,
        loss=functools.partial(losses.cross_entropy, label_smoothing=settings["label_smoothing"]),
    )
    shape = optax.cosine_onecycle_schedule(steps, 1.0, pct_start=0.2)
    optimizer = optax.adamw(
        lambda step: settings["learning_rate"] * shape(step),
        weight_decay=settings["weight_decay"],
    )
    return task, optimizer


def search(
    settings: Settings, train: Columns, validation: Columns, folder: Path
) -> tuple[tuple[int, ...], sweeps.Halving]:
    """The best widths and what was found with them; a table and a plot are written."""
    found: dict[tuple[int, ...], sweeps.Halving] = {}

    def tried(widths: tuple[int, ...]) -> float:
        if widths not in found:
            started = time.perf_counter()
            found[widths] = halving(settings, widths, train, validation)
            print(
                f"widths {widths}: {settings.configurations} configurations, best validation "
                f"accuracy {score_of(found[widths]):.4f}, {time.perf_counter() - started:.0f} s"
            )
        return score_of(found[widths])

    if settings.shapes:
        study = sweeps.optuna_search(
            lambda trial: tried(suggested_widths(trial)), settings.shapes, seed=settings.seeds[0]
        )
        widths = suggested_widths(study.best_trial)
    else:
        widths = settings.widths
        tried(widths)
    best = found[widths]
    (folder / "search.txt").write_text(sweeps.table(best) + "\n", encoding="utf-8")
    print(sweeps.table(best, rows=8))
    figure = sweep_plot(
        best.settings,
        best.scores,
        best=best.best,
        logarithmic=("learning_rate", "weight_decay"),
        metric="Validation accuracy",
    )
    figure.savefig(folder / "search.png")
    print(f"table and plot: {folder / 'search.txt'}, {folder / 'search.png'}")
    return widths, best


def halving(
    settings: Settings, widths: tuple[int, ...], train: Columns, validation: Columns
) -> sweeps.Halving:
    """Successive halving of random configurations of one network."""
    seed = settings.seeds[0]
    steps = [epochs * steps_per_epoch(settings, train) for epochs in settings.epochs]
    return sweeps.successive_halving(
        functools.partial(recipe, widths=widths, steps=steps[-1]),
        sweeps.random_settings(DRAWS, settings.configurations, seed=seed),
        train,
        validation,
        score=accuracy,
        key=jax.random.key(seed),
        batch_size=settings.batch_size,
        steps=steps,
    )


def suggested_widths(trial: Any) -> tuple[int, ...]:
    """One to three layers, each of a power of two."""
    layers = trial.suggest_int("layers", 1, 3)
    return tuple(2 ** trial.suggest_int(f"width {n + 1}", 6, 10) for n in range(layers))


def score_of(found: sweeps.Halving) -> float:
    """The validation accuracy of the best configuration, at the end."""
    return float(found.scores[-1, found.best])


def accuracy(validation: Columns, outputs: Columns) -> float:
    """The share of digits whose most probable class is theirs."""
    return float(np.mean(outputs["probabilities"].argmax(1) == validation["label"]))


def steps_per_epoch(settings: Settings, columns: Columns) -> int:
    """Of the settings' batches."""
    return -(-len(columns["label"]) // settings.batch_size)


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
