"""Layers against XLA's own operations, NumPy by hand and each other."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmed.models.layers.layers import layers


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


def batch_norm(x, mask=None, momentum=0.9):
    norm = layers.BatchNorm(momentum=momentum)
    variables = norm.init(jax.random.key(0), x, train=True)
    return norm.apply(variables, x, train=True, mask=mask, mutable=["batch_stats"])


def test_batch_norm_is_the_formula_of_the_paper():
    x = normal(6, (5, 4, 3, 2)) * 3 + 1
    y, state = batch_norm(x)
    values = np.asarray(x)
    mean, variance = values.mean((0, 1, 2)), values.var((0, 1, 2))
    np.testing.assert_allclose(y, (values - mean) / np.sqrt(variance + 1e-5), atol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["mean"], 0.1 * mean, atol=1e-6)
    np.testing.assert_allclose(state["batch_stats"]["variance"], 0.9 + 0.1 * variance, atol=1e-5)


def test_batch_norm_does_not_see_padding():
    x = normal(7, (6, 4, 3))
    padded = jnp.concatenate([x[:4], jnp.full((2, 4, 3), jnp.nan)])
    ours, state = batch_norm(padded, mask=jnp.asarray([1.0, 1, 1, 1, 0, 0]))
    alone, expected = batch_norm(x[:4])
    np.testing.assert_allclose(ours[:4], alone, atol=1e-6)
    for name in ("mean", "variance"):
        np.testing.assert_allclose(
            state["batch_stats"][name], expected["batch_stats"][name], atol=1e-6
        )


def test_batch_norm_of_padding_alone_leaves_the_statistics():
    _, state = batch_norm(normal(8, (2, 3)), mask=jnp.zeros(2))
    np.testing.assert_array_equal(state["batch_stats"]["mean"], np.zeros(3))
    np.testing.assert_array_equal(state["batch_stats"]["variance"], np.ones(3))


def test_group_norm_normalises_each_group_of_each_row():
    x = normal(9, (2, 5, 8))
    norm = layers.GroupNorm(groups=4)
    y = norm.apply(norm.init(jax.random.key(0), x, train=True), x, train=True)
    grouped = np.asarray(x).reshape(2, 5, 4, 2)
    mean, variance = grouped.mean((1, 3), keepdims=True), grouped.var((1, 3), keepdims=True)
    expected = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    np.testing.assert_allclose(y, expected, atol=1e-5)


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
    ("layer", "words"),
    [
        (layers.Dropout(1.0), r"^dropout is 1.0, but must lie in \[0, 1\)"),
        (layers.Dropout(2.0, called="recurrent_dropout"), r"^recurrent_dropout is 2.0, but must"),
        (layers.StochasticDepth(-1.0), r"^stochastic_depth is -1.0, but must"),
        (layers.GroupNorm(4), r"^groups is 4, but must divide the 6 channels: .*groups=2\)"),
        (layers.GroupNorm(0), "^groups is 0, but must be greater than 0"),
    ],
)
def test_what_a_layer_cannot_do_is_refused(layer, words):
    with pytest.raises(ValueError, match=words):
        layer.init(jax.random.key(0), jnp.ones((2, 6)), train=True)


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int32, bool])
def test_images_of_whole_numbers_are_refused(dtype):
    name = jnp.dtype(dtype).name
    with pytest.raises(ValueError, match=f"^x is {name}, but must be floating: normalise first"):
        layers.images_or_volumes(jnp.zeros((1, 4, 4, 1), dtype))
