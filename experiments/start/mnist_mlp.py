"""Which digit is this? The introduction's perceptron, 784-512-256-10, and a better recipe for it.

The recipe `seed` is ReLU, Adam, batch 128, 10 epochs. The recipe `best` keeps the network and adds
what small data asks for: shifted copies, dropout, a falling learning rate and an average of the
weights. Both train on all 60,000 digits and use the 10,000 test digits once per seed.

    python experiments/start/mnist_mlp.py --seeds 0 1 2
    python experiments/start/mnist_mlp.py --recipe best --seeds 0 1 2

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
    """How often training goes through the digits; by default 10 for seed, 40 for best."""
    batch_size: int = 128
    """Digits per step."""
    runs: Path = Path("runs/mnist_mlp")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train and test once per seed."""
    train, _, test = jm.data.load("mnist", **settings.places())
    plain = settings.recipe == "seed"
    epochs = settings.epochs or (10 if plain else 40)
    steps = epochs * math.ceil(len(train) / settings.batch_size)
    task, optimizer = seed_recipe(train.classes) if plain else best_recipe(train.classes, steps)

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        return jm.fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
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
        recipe="MLP 784-512-256-10, "
        + (f"Adam, batch {settings.batch_size}, {epochs} epochs" if plain else "recipe `best`"),
        folder=[settings.recipe],
        headline=("accuracy", "auroc"),
    )


def seed_recipe(classes: Sequence[str]) -> tuple[jm.Task, optax.GradientTransformation]:
    """The introduction's: pixels from 0 to 1, first weights of Glorot and Bengio."""
    start = jax.nn.initializers.glorot_uniform()
    network = jm.models.MLP(widths=(512, 256), outputs=10, kernel_init=start)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.unit_pixels)
    return task, optax.adam(1e-3)


def best_recipe(classes: Sequence[str], steps: int) -> tuple[jm.Task, optax.GradientTransformation]:
    """The same network, trained better."""
    network = jm.models.MLP(widths=(512, 256), outputs=10, dropout=0.2)
    task = jm.tasks.classification(network, classes=classes, inputs=inputs.pixels())
    task = jm.transforms.augmented(task, augment.per_image(augment.random_shift(2)))
    schedule = optax.cosine_onecycle_schedule(steps, 2e-3, pct_start=0.2)
    return task, jm.training.ema(optax.adamw(schedule, weight_decay=1e-2), decay=0.999)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
