"""Maxima over time and their gradients, against NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models.layers import signal_pooling

X = np.random.default_rng(0).normal(size=(2, 11, 3)).astype(np.float32)


def windows(x):
    return x[:, :9].reshape(2, 3, 3, 3).max(2)


def three(x):
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)), constant_values=-np.inf)
    return np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        (lambda x: signal_pooling.pooled_in_time(x, 3), windows),
        (signal_pooling.max_of_three, three),
        (signal_pooling.max_over_all_time, lambda x: x.max(1)),
    ],
)
def test_maxima_and_their_gradients(pool, expected):
    found = pool(jnp.asarray(X))
    np.testing.assert_array_equal(found, expected(X))
    weights = np.random.default_rng(1).normal(size=found.shape).astype(np.float32)
    gradient = jax.grad(lambda x: (pool(x) * weights).sum())(jnp.asarray(X))
    by_hand = np.zeros_like(X)
    for index, weight in np.ndenumerate(weights):  # no two values are equal
        by_hand[expected(X)[index] == X] += weight
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-5)


def test_equal_values_pass_one_gradient():
    for pool in (lambda x: signal_pooling.pooled_in_time(x, 3), signal_pooling.max_over_all_time):
        gradient = np.asarray(jax.grad(lambda x, pool=pool: pool(x).sum())(jnp.ones_like(X)))
        assert gradient.sum() == pool(jnp.asarray(X)).size
        assert set(np.unique(gradient)) == {0, 1}
