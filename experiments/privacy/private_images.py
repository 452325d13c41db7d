"""What does privacy cost a classifier of images? Linear, on wavelet features, trained by DP-SGD.

Scattering features have no parameters that could remember anybody, so only one linear layer is
private, and few parameters need little noise. Each image is normalized by itself, so nothing is
counted over the private rows. Epsilon is computed by PLD, for one image more or less.

    python experiments/privacy/private_images.py --epsilon 3 --seeds 0 1 2
    python experiments/privacy/private_images.py --epsilon 0.83 --epochs 15 --learning-rate 4
    python experiments/privacy/private_images.py --dataset bloodmnist --epsilon 8 --seeds 0 1 2

Hardware, time and score: see experiments/README.md.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmed as jm
from jaxmed import models, privacy
from jaxmed.data import catalogue
from jaxmed.data.source import Source
from jaxmed.experiment import ExperimentSettings, Summary, main, run_seeds

ROWS = 256  # whose features are computed at a time


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(ExperimentSettings):
    """Settings of the experiment."""

    dataset: Literal["mnist", "bloodmnist", "breastmnist", "pneumoniamnist", "retinamnist"] = (
        "mnist"
    )
    """The data set."""
    score: Literal["test", "validation"] = "test"
    """Which split is predicted; settings are compared on validation (MNIST: 10,000 of training)."""
    epsilon: float = 3.0
    """What all steps spend."""
    delta: float = 1e-5
    """How often the bound by epsilon may fail."""
    batch_size: int = 4096
    """Expected images per step, at most half of the training split."""
    epochs: int = 30
    """How often training goes through the images, on average."""
    learning_rate: float = 8.0
    """Of SGD with momentum 0.9, for the mean of clipped gradients."""
    clip: float = 0.1
    """Bound of the norm of the gradient of an image."""
    runs: Path = Path("runs/private_images")
    """The folder in which a new folder is made for this run."""


def experiment(settings: Settings) -> dict[str, Summary]:
    """Train privately and score once per seed."""
    facts = catalogue.entry(settings.dataset)
    train, scored = splits(settings)
    train, scored = features(train), features(scored)
    rows = len(train["label"])
    batch_size = min(settings.batch_size, rows // 2)
    mechanism = privacy.dp_sgd(
        units=rows,
        batch_size=batch_size,
        steps=round(settings.epochs * rows / batch_size),
        epsilon=settings.epsilon,
        delta=settings.delta,
        clip=settings.clip,
    )
    task = jm.tasks.classification(
        jm.models.MLP(widths=(), outputs=len(facts.classes)),
        classes=facts.classes,
        inputs=lambda batch: batch["features"],
    )

    def train_once(seed: int, run: jm.Run) -> jm.Fit:
        optimizer = optax.sgd(settings.learning_rate, momentum=0.9)
        return privacy.private_fit(
            task, optimizer, train, mechanism, key=jax.random.key(seed), run=run
        )

    def after(*_: object) -> dict[str, float]:
        return {"epsilon": mechanism.epsilon(), "noise multiplier": mechanism.noise_multiplier}

    return run_seeds(
        train_once,
        scored,
        settings=settings,
        script=__file__,
        question="What does privacy cost a classifier of images?",
        data=facts.title,
        recipe=f"linear on scattering features, epsilon {settings.epsilon:g}, "
        f"delta {settings.delta:g}",
        folder=[settings.dataset, f"epsilon_{settings.epsilon:g}"],
        split=settings.score,
        headline=("accuracy", "auroc", "epsilon"),
        after=after,
    )


def splits(settings: Settings) -> tuple[Source, Source]:
    """What is trained on, and what is scored."""
    train, validation, test = jm.data.load(settings.dataset, **settings.places())
    if settings.score == "test":
        return train, test
    if validation is None:
        train, validation = jm.data.split(train, (5 / 6, 1 / 6), seed=0)
    return train, validation


def features(source: Source) -> dict[str, np.ndarray]:
    """Scattering features of each image, normalized over groups of three paths, and the label."""
    columns = jm.data.columns(source)
    images = columns["image"]

    @jax.jit
    def of(image: jax.Array) -> jax.Array:
        found = models.scattering(image / 255.0)
        return grouped(found, found.shape[-1] // 3)

    parts = [
        np.asarray(of(images[first : first + ROWS].astype(np.float32)))
        for first in range(0, len(images), ROWS)
    ]
    return {"features": np.concatenate(parts), "label": columns["label"], "id": columns["id"]}


def grouped(found: jax.Array, groups: int) -> jax.Array:
    """Mean 0 and deviation 1 over all places and over neighboring paths, as in group normalization.

    [rows, height, width, paths] -> [rows, height * width * paths].
    """
    rows = found.reshape(len(found), -1, groups, found.shape[-1] // groups)
    mean = rows.mean((1, 3), keepdims=True)
    deviation = jnp.sqrt(jnp.square(rows - mean).mean((1, 3), keepdims=True) + 1e-5)
    return ((rows - mean) / deviation).reshape(len(found), -1)


if __name__ == "__main__":
    main(experiment, Settings, __doc__)
