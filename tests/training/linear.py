"""A linear model small enough to follow by hand, and `fit` of it in one line."""

from __future__ import annotations

import jax
import numpy as np
import optax

from jaxmed.data import inputs
from jaxmed.models import MLP
from jaxmed.tasks import Task, regression
from jaxmed.training.fit import Fit, fit
from jaxmed.training.options import Execution, Run

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


def linear_predict(params, model_state, batch):
    return {"value": batch["features"] @ params["weight"]}


def linear_loss(params, model_state, batch, key):
    outputs = linear_predict(params, model_state, batch)
    return (outputs["value"] - batch["label"]) ** 2, (model_state, outputs)


def linear_init(key, batch, constants):
    return {"weight": jax.random.normal(key, (3,))}, {}


OF_NUMBERS = regression(MLP(widths=(), outputs=1), inputs=inputs.features()).judge
LINEAR = Task(linear_init, linear_loss, linear_predict, judge=OF_NUMBERS)


def train(
    task=LINEAR, optimizer=SGD, columns=TRAIN, *, key=KEY, place=None, workers=0, validation=None,
    gradient=None, epochs=3, steps=None, batch_size=BATCH, **run,
) -> Fit:  # fmt: skip
    """`fit`, quietly; what is not named goes to `Run`."""
    chosen = {} if gradient is None else {"gradient": gradient}
    return fit(
        task,
        optimizer,
        columns,
        key=key,
        batch_size=batch_size,
        epochs=epochs,
        steps=steps,
        validation=validation,
        run=Run(**{"progress": False, "artifacts": False} | run),
        execution=Execution(placement=place, workers=workers),
        **chosen,
    )
