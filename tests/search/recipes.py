"""A small classifier as a recipe, and three configurations of it."""

from __future__ import annotations

import functools

import jax
import numpy as np
import optax

from jaxmed import losses, tasks
from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.training import Run, fit

_features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
TRAIN = {"features": _features, "label": (_features[:, 0] > 0).astype(np.int32)}
VALIDATION = {name: column[:15] for name, column in TRAIN.items()}
SETTINGS = {
    "learning_rate": np.array([0.3, 0.01, 0.1], np.float32),
    "weight_decay": np.array([0.0, 0.5, 0.1], np.float32),
    "smoothing": np.array([0.0, 0.2, 0.1], np.float32),
}
KEY = jax.random.key(4)


def recipe(settings):
    """Its dropout is searched where the settings name it."""
    task = tasks.classification(
        MLP(widths=(6,), outputs=2, dropout=settings.get("dropout", 0.0)),
        classes=2,
        inputs=inputs.features(),
        loss=functools.partial(losses.cross_entropy, label_smoothing=settings["smoothing"]),
    )
    rate, decay = settings["learning_rate"], settings["weight_decay"]
    return task, optax.adamw(rate, weight_decay=decay)


def train(task, optimizer, *, start=None, **length):
    run = Run(start=start, progress=False)
    return fit(
        task, optimizer, TRAIN, key=KEY, batch_size=16, run=run, **(length or {"epochs": 4})
    )  # fmt: skip
