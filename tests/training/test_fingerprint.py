"""Fingerprints are equal for equal things, in any process, and differ for any that differ."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxmed import losses, tasks
from jaxmed.data.inputs import features
from jaxmed.models import MLP
from jaxmed.training import fingerprint, gradients, init_state, make_train_step
from jaxmed.training.fingerprint import DataFingerprint

KEY = jax.random.key(0)
ROWS = {"features": np.ones((4, 3), np.float32), "label": np.array([0, 1, 0, 1], np.int32)}
BATCH = {**ROWS, "mask": np.ones(4, np.float32), "id": np.arange(4, dtype=np.int32)}
WEIGHTS = np.array([1.0, 2.0], np.float32)


def weighted(weights):
    constant = jnp.asarray(weights)

    def loss(logits, labels):
        return losses.cross_entropy(logits, labels) * jax.jit(lambda y: constant[y])(labels)

    return loss


def of_step(*, dropout=0.1, activation=nn.relu, rate=0.1, weights=WEIGHTS, gradient=None, width=4):
    network = MLP((width,), 2, dropout=dropout, activation=activation)
    task = tasks.classification(network, classes=2, inputs=features(), loss=weighted(weights))
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate))
    step = make_train_step(task, optimizer, gradient=gradient or gradients.mean)
    return fingerprint.of_step(step, init_state(task, optimizer, KEY, ROWS), BATCH)


def test_the_same_step_has_the_same_fingerprint_in_another_process():
    program = "import test_fingerprint; print(test_fingerprint.of_step())"
    child = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        timeout=120,
    )
    assert child.stdout.strip() == of_step() == of_step(), child.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.2},
        {"activation": nn.gelu},
        {"rate": 0.1000001},
        {"weights": np.array([1.0, 2.0000002], np.float32)},
        {"gradient": functools.partial(gradients.accumulated, microbatches=2)},
        {"width": 5},
    ],
)
def test_another_step_has_another_fingerprint(change):
    assert of_step(**change) != of_step()


def of_data(*parts):
    found = DataFingerprint()
    for part in parts:
        found.add(part)
    return str(found)


def test_chunks_and_dtypes_of_the_same_numbers_make_no_difference():
    halves = ({k: v[:1] for k, v in ROWS.items()}, {k: v[1:] for k, v in ROWS.items()})
    wide = {"features": ROWS["features"].astype(np.float64), "label": ROWS["label"].astype(int)}
    named = {**ROWS, "name": np.array(["a", "b", "c", "d"])}
    assert of_data(ROWS) == of_data(*halves) == of_data(wide) == of_data(named)
    assert of_data(ROWS).startswith("4 rows, ")


@pytest.mark.parametrize(
    "other",
    [
        {**ROWS, "label": ROWS["label"][::-1]},
        {**ROWS, "features": np.nextafter(ROWS["features"], np.float32(2))},
        {"features": ROWS["features"][:3], "label": ROWS["label"][:3]},
        {"features": ROWS["features"]},
        {**ROWS, "features": ROWS["features"].reshape(4, 3, 1)},
        {"label": ROWS["label"], "signal": ROWS["features"]},
    ],
)
def test_other_rows_have_another_fingerprint(other):
    assert of_data(other) != of_data(ROWS)


def test_injected_hyperparameters_count():
    def of_rate(rate):
        return fingerprint.of_optimizer(optax.inject_hyperparams(optax.sgd)(rate).init(WEIGHTS))

    assert of_rate(0.1) == of_rate(0.1) != of_rate(0.2)
