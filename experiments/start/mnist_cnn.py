"""Which digit is this? The introduction's convolutional network, and a deeper one.

The recipe `seed` is one convolution of 32 filters of 3 x 3 with ReLU, a 2 x 2 max pool and a linear
layer; Adam, batch 32, 10 epochs. The recipe `best` is four normalized convolutions on shifted
copies with a falling learning rate and an average of the weights. Both train on all 60,000 digits
and use the 10,000 test digits once per seed.

    python experiments/start/mnist_cnn.py --seeds 0 1 2
    python experiments/start/mnist_cnn.py --recipe best --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import jax
import optax

import jaxmed as jm
from jaxmed.data import augment, inputs
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    recipe: Literal["seed", "best"] = "seed"
    """The introduction's recipe, or the better one."""
    epochs: int | None = None
    """How often training goes through the digits; by default 10 for seed, 12 for best."""
    batch_size: int | None = None
    """Digits per step; by default 32 for seed, 128 for best."""
    runs: Path = Path("runs/mnist_cnn")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed."""
    train, _, test = jm.data.load("mnist", **settings.places())
    plain = settings.recipe == "seed"
    epochs = settings.epochs or (10 if plain else 12)
    batch_size = settings.batch_size or (32 if plain else 128)
    steps = epochs * math.ceil(len(train) / batch_size)
    task, optimizer = seed_recipe(train.classes) if plain else best_recipe(train.classes, steps)
    spelled = f"convolution 32, max pool, dense 10, Adam, batch {batch_size}, {epochs} epochs"

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=batch_size,
            epochs=epochs,
            run=run,
        )

    return run_seeds(
        train_once,
        test,
        settings=settings,
        script=__file__,
        question="Which digit is this?",
        data="MNIST",
        recipe=spelled if plain else "ConvNet 32-64-128, recipe `best`",
        folder=[settings.recipe],
        headline=("accuracy", "auroc"),
    )


def seed_recipe(classes: Sequence[str]) -> tuple[jm.Task, optax.GradientTransformation]:
    """The introduction's, with pixels from 0 to 1."""
    network = jm.models.SimpleCNN(outputs=10)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.unit_pixels)
    return task, optax.adam(1e-3)


def best_recipe(classes: Sequence[str], steps: int) -> tuple[jm.Task, optax.GradientTransformation]:
    """Deeper, normalized, and trained on shifted copies."""
    network = jm.models.ConvNet(outputs=10, widths=(32, 64, 128), depths=(1, 1, 2), dropout=0.2)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.pixels())
    task = jm.transforms.augmented(task, augment.per_image(augment.random_shift(2)))
    schedule = optax.cosine_onecycle_schedule(steps, 4e-3, pct_start=0.2)
    return task, jm.training.ema(optax.adamw(schedule, weight_decay=2e-2), decay=0.999)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
