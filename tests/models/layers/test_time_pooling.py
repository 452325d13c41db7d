"""Pooling over time by hand, and of sequences without tokens."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    AttentionPooling,
    RecurrentEncoder,
    TextClassifier,
)
from jaxmed.models.layers import last_state, max_over_time, mean_over_time

pytestmark = pytest.mark.slow  # gradients are compiled


ROWS, TIME, WIDTH, UNITS = 4, 6, 3, 5


LENGTHS = np.array([6, 2, 1, 4])


REAL = jnp.asarray(np.arange(TIME)[None] < LENGTHS[:, None])


def test_poolings_by_hand():
    random = np.random.default_rng(4)
    forward, backward = (random.normal(size=(ROWS, TIME, 2)).astype(np.float32) for _ in "ab")
    for row, length in enumerate(LENGTHS):
        forward[row, length:] = forward[row, length - 1]
    states = (jnp.asarray(forward), jnp.asarray(backward))
    joined = np.concatenate([forward, backward], axis=-1)
    attention = AttentionPooling()
    params = attention.init(jax.random.key(0), states, REAL)["params"]
    params = jax.tree.map(jnp.zeros_like, params)  # equal scores: the plain mean
    for row, length in enumerate(LENGTHS):
        ends = np.concatenate([forward[row, length - 1], backward[row, 0]])
        np.testing.assert_array_equal(last_state(states, REAL)[row], ends)
        inside = joined[row, :length]
        np.testing.assert_array_equal(max_over_time(states, REAL)[row], inside.max(0))
        np.testing.assert_allclose(mean_over_time(states, REAL)[row], inside.mean(0), rtol=1e-5)
        pooled = attention.apply({"params": params}, states, REAL)[row]
        np.testing.assert_allclose(pooled, inside.mean(0), rtol=1e-5)


@pytest.mark.parametrize("pooling", [last_state, max_over_time, mean_over_time, AttentionPooling()])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_empty_text_has_a_finite_answer(pooling, bidirectional):
    encoder = RecurrentEncoder(10, 4, (3,), bidirectional=bidirectional)
    network = TextClassifier(2, encoder, pooling)
    tokens = jnp.array([[1, 2, 0], [0, 0, 0]])
    variables = jax.jit(network.init)(jax.random.key(0), tokens)

    def loss(variables):
        return network.apply(variables, tokens).sum()

    value, slopes = jax.jit(jax.value_and_grad(loss))(variables)
    assert np.isfinite(value)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(slopes))
