"""A linear model as a task of plain functions, its data, and its training by hand."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed.data import batches
from jaxmed.data.inputs import features
from jaxmed.models import MLP
from jaxmed.tasks import Task, regression
from jaxmed.training import Run, Validation, fit, init_state
from jaxmed.training.fit import ORDER

ROWS, BATCH, STEPS = 20, 8, 3  # the last of three batches is half padding
_random = np.random.default_rng(3)
FEATURES = _random.normal(size=(ROWS, 3)).astype(np.float32)
LABEL = (FEATURES @ np.array([1.0, -2.0, 0.5]) + _random.normal(size=ROWS)).astype(np.float32)
TRAIN = {"features": FEATURES, "label": LABEL}
VALIDATION = {
    "features": _random.normal(size=(9, 3)).astype(np.float32),
    "label": _random.normal(size=9).astype(np.float32),
}
KEY = jax.random.key(5)
SGD = optax.sgd(0.05)


def predict(params, model_state, batch):
    return {"value": batch["features"] @ params["weight"]}


def loss(params, model_state, batch, key):
    outputs = predict(params, model_state, batch)
    return (outputs["value"] - batch["label"]) ** 2, (model_state, outputs)


def init(key, batch, constants):
    return {"weight": jax.random.normal(key, (3,))}, {}


JUDGE = regression(MLP((), 1), inputs=features()).judge
LINEAR = Task(init, loss, predict, judge=JUDGE)


def train(task=LINEAR, optimizer=SGD, columns=TRAIN, *, key=KEY, **options):
    """`fit` without progress; the fields of its records as arguments."""
    validation = {
        name: options.pop(name)
        for name in [field.name for field in dataclasses.fields(Validation)]
        if name in options
    }
    if "validation" in options:
        validation["data"] = options.pop("validation")
    run = {
        name: options.pop(name)
        for name in [field.name for field in dataclasses.fields(Run)]
        if name in options
    }
    options = {"batch_size": BATCH, "epochs": 3} | options
    return fit(
        task,
        optimizer,
        columns,
        key=key,
        validation=Validation(**validation),
        run=Run(**({"progress": False, "artifacts": False} | run)),
        **options,
    )


def by_hand(epochs: int) -> tuple[np.ndarray, list[float]]:
    """Gradient descent of the mean squared error in float64, over the same order of rows."""
    state = init_state(LINEAR, SGD, KEY, TRAIN)
    order = jax.random.fold_in(state.key, ORDER)
    weight, losses = np.asarray(state.params["weight"], np.float64), []
    for epoch in range(epochs):
        total = 0.0
        for line in batches.shuffled_rows(order, epoch, ROWS, BATCH):
            rows = line[line >= 0]
            error = FEATURES[rows] @ weight - LABEL[rows]
            total += (error**2).sum()
            weight = weight - 0.05 * 2 * error @ FEATURES[rows] / len(rows)
        losses.append(total / ROWS)
    return weight, losses


def climbing(loss_at) -> Task:
    """Under SGD of 1 its parameter `height` is the number of steps taken."""

    def loss(params, model_state, batch, key):
        height = params["height"]
        losses = jnp.full(batch["label"].shape, loss_at(height))
        return losses, (model_state, {"value": batch["label"]})

    return Task(
        lambda key, batch, constants: ({"height": jnp.zeros(())}, {}),
        loss,
        lambda params, model_state, batch: {"value": batch["label"]},
    )
