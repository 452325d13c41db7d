"""Which digit is this? The introduction's convolutional network, and a deeper one.

The seed recipe is one convolution of 32 3 x 3 filters with ReLU, a 2 x 2 max pool and a linear
layer; Adam, batch 32, 10 epochs. The best recipe is four normalised convolutions on shifted copies
with a falling learning rate and an average of the weights. Both train on all 60,000 digits and
look at the 10,000 test digits once a seed.

    python experiments/mnist_cnn.py --seeds 0 1 2
    python experiments/mnist_cnn.py --recipe best --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import optax

from jaxmed.experiment import command_line, seeds
from jaxmed import models, tasks
from jaxmed.data import catalogue, inputs, source
from jaxmed.data.augment import image
from jaxmed.training import ema
from jaxmed.runs import record
from jaxmed.training.fit import Fit, fit
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    recipe: Literal["seed", "best"] = "seed"
    """The introduction's recipe, or the better one."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    epochs: int | None = None
    """Times through the training digits; by default 10 for seed, 12 for best."""
    batch_size: int | None = None
    """Digits a step; by default 32 for seed, 128 for best."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/mnist_cnn")
    """Where the run's folder is made."""


def seed_recipe() -> tuple[tasks.Task, optax.GradientTransformation]:
    """The introduction's, with pixels from 0 to 1."""
    network = models.SimpleCNN(outputs=10)
    return tasks.classification(network, classes=10, inputs=inputs.unit_pixels), optax.adam(1e-3)


def best_recipe(train: Columns, steps: int) -> tuple[tasks.Task, optax.GradientTransformation]:
    """Deeper, normalised, and taught on shifted copies."""
    network = models.ConvNet(outputs=10, widths=(32, 64, 128), depths=(1, 1, 2), dropout=0.2)
    task = tasks.classification(
        network,
        classes=10,
        inputs=inputs.pixels(train["image"]),
        augment=image.each_image(image.random_shift(2)),
    )
    schedule = optax.cosine_onecycle_schedule(steps, 4e-3, pct_start=0.2)
    return task, ema.averaged(optax.adamw(schedule, weight_decay=2e-2), decay=0.999)


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, test = (
        source.columns(catalogue.open_split("mnist", split, **places))
        for split in ("train", "test")
    )
    plain = settings.recipe == "seed"
    epochs = settings.epochs or (10 if plain else 12)
    batch_size = settings.batch_size or (32 if plain else 128)
    steps = epochs * -(-len(train["label"]) // batch_size)

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        task, optimizer = seed_recipe() if plain else best_recipe(train, steps)
        trained = fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=batch_size,
            epochs=epochs,
            directory=directory,
            track=[record.progress(epochs)],
        )
        return task, trained

    return seeds.repeat(
        train_once,
        test,
        seeds=settings.seeds,
        folder=record.new_run(settings.runs / settings.recipe),
        title=f"MNIST, convolutional network, {settings.recipe} recipe",
        settings=settings,
        class_names=catalogue.entry("mnist").classes,
    )


if __name__ == "__main__":
    command_line.run(main, Settings, __doc__)
