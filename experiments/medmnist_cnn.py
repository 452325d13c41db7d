"""Diagnosis from 28 x 28 images: one small convolutional network and one recipe for all MedMNIST.

Four normalised convolutions on shifted copies, label smoothing, a falling learning rate and an
average of the weights. Training sees the training split only; the validation split is watched and
decides nothing but the settings below, which are the same for every data set; the test split is
looked at once a seed.

    python experiments/medmnist_cnn.py --dataset pneumonia --seeds 0 1 2

Hardware, time and score: see the results table in experiments/README.md.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Literal

import jax
import optax
import tyro

from jaxmed import losses, models, seeds, tasks
from jaxmed.data import catalogue, image, inputs, source
from jaxmed.training import averaging, tracking
from jaxmed.training.fit import Fit, fit

Dataset = Literal["pneumonia", "breast", "retina", "blood", "derma", "organa", "path", "tissue"]

MIRRORED = ("breast", "retina", "blood", "derma", "path", "tissue")
"""Sets whose images mean the same when mirrored; a chest or an abdomen does not."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the experiment."""

    dataset: Dataset = "pneumonia"
    """Which MedMNIST set, without the ending MNIST."""
    seeds: tuple[int, ...] = (0,)
    """One run each."""
    widths: tuple[int, ...] = (32, 64, 128, 256)
    """Channels of each stage."""
    depths: tuple[int, ...] = (1, 1, 1, 1)
    """Convolutions of each stage."""
    dropout: float = 0.3
    """Share of features dropped before the linear layer."""
    shift: int = 3
    """Largest random shift, in pixels."""
    label_smoothing: float = 0.1
    """Share of each label that is spread over all classes."""
    learning_rate: float = 2e-3
    """The highest of the schedule."""
    weight_decay: float = 5e-2
    """Of AdamW."""
    average: float = 0.98
    """Decay of the average of the weights, a step."""
    batch_size: int = 64
    """Images a step."""
    steps: int = 1000
    """Of training, whatever the size of the set."""
    data_dir: Path | None = None
    """Where prepared data is kept; by default where tfds keeps it."""
    manual_dir: Path | None = None
    """A folder with the publisher's files, for a machine without network."""
    runs: Path = Path("runs/medmnist_cnn")
    """Where the run's folder is made."""


def main(settings: Settings) -> dict[str, tuple[float, float]]:
    """Train and test once a seed; the mean and deviation of each metric come back."""
    name = f"{settings.dataset}mnist"
    places = {"data_dir": settings.data_dir, "manual_dir": settings.manual_dir}
    train, validation, test = (
        source.columns(catalogue.open_split(name, split, **places))
        for split in ("train", "validation", "test")
    )
    classes = catalogue.entry(name).classes
    change = image.random_shift(settings.shift)
    if settings.dataset in MIRRORED:
        change = image.in_turn(change, image.random_flip)
    network = models.ConvNet(
        outputs=len(classes),
        widths=settings.widths,
        depths=settings.depths,
        dropout=settings.dropout,
    )
    task = tasks.classification(
        network,
        classes=len(classes),
        inputs=inputs.pixels(train["image"]),
        loss=functools.partial(losses.cross_entropy, label_smoothing=settings.label_smoothing),
        augment=image.each_image(change),
    )
    schedule = optax.cosine_onecycle_schedule(settings.steps, settings.learning_rate)
    optimizer = averaging.averaged(
        optax.adamw(schedule, weight_decay=settings.weight_decay), decay=settings.average
    )
    epochs = -(-settings.steps // -(-len(train["label"]) // settings.batch_size))

    def train_once(seed: int, directory: Path) -> tuple[tasks.Task, Fit]:
        trained = fit(
            task,
            optimizer,
            train,
            key=jax.random.key(seed),
            batch_size=settings.batch_size,
            epochs=epochs,
            steps=settings.steps,
            validation=validation,
            directory=directory,
            track=[tracking.progress(epochs)],
        )
        return task, trained

    return seeds.repeat(
        train_once,
        test,
        seeds=settings.seeds,
        folder=tracking.new_run(settings.runs / settings.dataset),
        title=catalogue.entry(name).title,
        settings=settings,
        class_names=classes,
    )


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
