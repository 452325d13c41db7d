"""Pools over space against XLA's own operation and its gradient."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmed.models import (
    layers,
)


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def reduce_window(x, window):
    dims = (1, *(window,) * (x.ndim - 2), 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, dims, dims, "VALID")


@pytest.mark.parametrize("window", [2, 3])
@pytest.mark.parametrize("space", [(9,), (8, 7), (6, 7, 6)])
@pytest.mark.parametrize("ties", [False, True])
def test_max_pool_equals_reduce_window_and_its_gradient(space, window, ties):
    x = normal(2, (3, *space, 2))
    x = jnp.round(x) if ties else x
    np.testing.assert_array_equal(layers.max_pool(x, window), reduce_window(x, window))
    weights = normal(3, layers.max_pool(x, window).shape)
    ours = jax.grad(lambda x: (layers.max_pool(x, window) * weights).sum())(x)
    expected = jax.grad(lambda x: (reduce_window(x, window) * weights).sum())(x)
    np.testing.assert_array_equal(ours, expected)


def test_max_pool_has_a_forward_derivative():
    x, direction = normal(4, (1, 4, 4, 1)), normal(5, (1, 4, 4, 1))
    _, slope = jax.jvp(layers.max_pool, (x,), (direction,))
    step = 1e-3
    difference = (layers.max_pool(x + step * direction) - layers.max_pool(x)) / step
    np.testing.assert_allclose(slope, difference, atol=1e-3)


def test_max_pool_refuses_an_image_smaller_than_the_window():
    with pytest.raises(ValueError, match=r"window is 2, but .* only 1 wide.*fewer pooling"):
        layers.max_pool(jnp.ones((1, 1, 4, 1)))


@pytest.mark.parametrize("space", [(8,), (9, 6), (5, 4, 1)])
def test_the_overlapping_pool_equals_reduce_window_and_its_gradient(space):
    x = jax.nn.relu(normal(6, (2, *space, 3)))
    weights = normal(7, (2, *((n + 1) // 2 for n in space), 3))

    def reference(x):
        window, strides = (1, *(3,) * len(space), 1), (1, *(2,) * len(space), 1)
        pads = [(0, 0), *((1, 1),) * len(space), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)

    np.testing.assert_array_equal(layers.overlapping_max_pool(x), reference(x))
    behind_relu = jnp.where(x > 0, x, normal(8, x.shape) - 9)
    ours, expected = (
        jax.grad(lambda x, pool=pool: (pool(jax.nn.relu(x)) * weights).sum())(behind_relu)
        for pool in (layers.overlapping_max_pool, reference)
    )
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_the_global_mean_is_summed_in_float32():
    x = np.ones((1, 300, 300, 1), np.float32)  # bfloat16 cannot count beyond 256
    x[0, :, :100] = 4
    found = layers.global_mean_pool(jnp.asarray(x, jnp.bfloat16))
    assert found.dtype == jnp.bfloat16
    assert found.tolist() == [[2.0]]
