"""Normalization against the formulas of the papers, in NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    layers,
)


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


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


def test_group_norm_normalizes_each_group_of_each_row():
    x = normal(9, (2, 5, 8))
    norm = layers.GroupNorm(groups=4)
    y = norm.apply(norm.init(jax.random.key(0), x, train=True), x, train=True)
    grouped = np.asarray(x).reshape(2, 5, 4, 2)
    mean, variance = grouped.mean((1, 3), keepdims=True), grouped.var((1, 3), keepdims=True)
    expected = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (4, r"^groups is 4, but must divide the 6 channels: .*groups=2\)"),
        (0, "^groups is 0, but must be at least 1"),
    ],
)
def test_groups_that_do_not_divide_the_channels_are_refused(groups, words):
    with pytest.raises(ValueError, match=words):
        layers.GroupNorm(groups).init(jax.random.key(0), jnp.ones((2, 6)), train=True)


@pytest.mark.parametrize("space", [(7,), (3, 5), (2, 3, 4)])
def test_instance_norm_normalizes_each_channel_of_each_row(space):
    x = normal(10, (3, *space, 4)) * 3 + 7
    norm = layers.InstanceNorm(epsilon=1e-3)
    scale, bias = normal(11, (4,)), normal(12, (4,))
    y = norm.apply({"params": {"scale": scale, "bias": bias}}, x, train=True)
    for row, channel in np.ndindex(3, 4):
        values = np.asarray(x, np.float64)[row, ..., channel]
        expected = (values - values.mean()) / np.sqrt(values.var() + 1e-3)
        expected = expected * float(scale[channel]) + float(bias[channel])
        np.testing.assert_allclose(y[row, ..., channel], expected, atol=2e-5)


def test_instance_norm_begins_as_plain_normalization_and_is_the_same_in_evaluation():
    x = normal(13, (2, 5, 6, 3))
    norm = layers.InstanceNorm()
    variables = norm.init(jax.random.key(0), x, train=True)
    assert set(variables) == {"params"}
    y = np.asarray(norm.apply(variables, x, train=True, mask=jnp.array([1.0, 0.0])))
    np.testing.assert_array_equal(y, norm.apply(variables, x, train=False))
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var((1, 2)), 1, atol=1e-4)


def test_instance_norm_keeps_the_type_and_sums_in_float32():
    x = (normal(14, (2, 64, 64, 1)) + 3).astype(jnp.bfloat16)
    norm = layers.InstanceNorm()
    variables = norm.init(jax.random.key(0), x, train=True)
    y = norm.apply(variables, x, train=True)
    assert y.dtype == jnp.bfloat16
    # A sum of 4096 numbers in bfloat16 would be off by more than the deviation.
    np.testing.assert_allclose(np.asarray(y, np.float64).mean((1, 2)), 0, atol=0.02)


@pytest.mark.parametrize("shape", [(2, 3), (2, 1, 1, 3)])
def test_instance_norm_refuses_rows_of_one_place(shape):
    with pytest.raises(ValueError, match=r"^x has shape .*, but must have more than one place"):
        layers.InstanceNorm().init(jax.random.key(0), jnp.ones(shape), train=True)
