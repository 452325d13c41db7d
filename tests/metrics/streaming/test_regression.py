"""Streaming R2 of labels with little variance."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from metrics.streaming.cases import agree
from sklearn import metrics as reference

from jaxmed.metrics import streaming


def test_r2_of_constant_labels_is_undefined():
    batch = {"label": jnp.full(50, 0.1), "mask": jnp.ones(50)}
    metric = streaming.r2()
    state = metric.update(metric.empty(), {"value": jnp.arange(50.0)}, batch)
    assert math.isnan(metric.result(state))


def test_a_center_keeps_the_digits_of_labels_far_from_zero():
    rng = np.random.default_rng(0)
    label = (1000 + rng.normal(size=500)).astype(np.float32)
    value = (label + rng.normal(size=500) / 2).astype(np.float32)
    batch = {"label": jnp.array(label), "mask": jnp.ones(500)}
    metric = streaming.r2(center=1000)
    state = metric.update(metric.empty(), {"value": jnp.array(value)}, batch)
    agree(metric.result(state), reference.r2_score(label, value), rtol=1e-4)
