"""Dropout: expectations, shares, and rows that do not depend on each other."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    layers,
)


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_dropout_keeps_the_expectation_and_the_asked_share():
    x = jnp.ones((400, 500))
    dropped = layers.Dropout(0.3).apply({}, x, train=True, rngs={"dropout": jax.random.key(0)})
    kept = np.asarray(dropped) > 0
    # five standard deviations of a binomial share of 200,000
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / kept.size)
    np.testing.assert_allclose(np.asarray(dropped)[kept], 1 / 0.7, rtol=1e-6)


def test_dropout_of_a_row_does_not_depend_on_the_rows_behind_it():
    rngs = {"dropout": jax.random.key(1)}
    whole = layers.Dropout(0.5).apply({}, jnp.ones((8, 6)), train=True, rngs=rngs)
    part = layers.Dropout(0.5).apply({}, jnp.ones((3, 6)), train=True, rngs=rngs)
    np.testing.assert_array_equal(whole[:3], part)


def test_dropout_does_nothing_in_evaluation():
    x = normal(10, (3, 4))
    np.testing.assert_array_equal(layers.Dropout(0.5).apply({}, x, train=False), x)


def test_stochastic_depth_leaves_out_whole_rows_and_keeps_the_expectation():
    x = jnp.ones((4000, 3))
    layer, rngs = layers.StochasticDepth(0.3), {"dropout": jax.random.key(0)}
    found = np.asarray(layer.apply({}, x, train=True, rngs=rngs))
    kept = found[:, 0] > 0
    expected = np.broadcast_to(kept[:, None] / 0.7, found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # five standard deviations of a binomial share
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / len(kept))
    part = layer.apply({}, x[:7], train=True, rngs=rngs)
    np.testing.assert_array_equal(part, found[:7])
    np.testing.assert_array_equal(layer.apply({}, x, train=False), x)


class TwoBranches(nn.Module):
    @nn.compact
    def __call__(self, x):
        leave_out = layers.StochasticDepth(0.5)
        return leave_out(x, train=True), leave_out(x, train=True)


def test_the_branches_of_a_row_are_left_out_independently():
    rngs = {"dropout": jax.random.key(0)}
    first, second = TwoBranches().apply({}, jnp.ones((4000, 1)), rngs=rngs)
    both = np.asarray((first > 0) & (second > 0)).mean()
    assert abs(both - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 4000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Dropout(1.0), r"^dropout is 1.0, but must lie in \[0, 1\)"),
        (
            lambda: layers.Dropout(2.0, called="recurrent_dropout"),
            r"^recurrent_dropout is 2.0, but must",
        ),
        (lambda: layers.StochasticDepth(-1.0), r"^stochastic_depth is -1.0, but must"),
    ],
)
def test_probabilities_outside_their_range_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
