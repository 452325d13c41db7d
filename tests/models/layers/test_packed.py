"""Convolution by banded matrices, and one volume after another, against XLA's own convolution."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models.layers.convolution import (
    _few_channels,
    _row_by_row,
    convolution,
    lax_convolution,
    patches_convolution,
)
from jaxmed.models.layers.packed import packed_convolution


def normal(seed, shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def expect_the_lax_convolution(convolve, space, window, strides, padding, channels=3, features=4):
    """Results and gradients in float64, of an output that is weighted at random."""
    with jax.enable_x64(True):
        x = normal(0, (2, *space, channels), jnp.float64)
        kernel = normal(1, (*window, channels, features), jnp.float64)
        found, gradients = jax.vjp(convolve, x, kernel)
        expected, reference = jax.vjp(
            lambda x, kernel: lax_convolution(x, kernel, strides, padding), x, kernel
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        weights = normal(2, found.shape, jnp.float64)
        for ours, theirs in zip(gradients(weights), reference(weights), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)


ONE = ((1, 1),) * 3
NONE = ((0, 0),) * 3


@pytest.mark.parametrize(
    ("space", "window", "padding", "features"),
    [
        ((4, 5, 7), (3, 3, 3), ONE, 4),
        ((3, 4, 16), (3, 3, 3), ONE, 15),
        ((3, 3, 3), (3, 3, 3), NONE, 2),
        ((4, 5, 6), (1, 3, 3), ((0, 0), (1, 1), (1, 1)), 3),
        ((4, 5, 6), (3, 1, 1), ((1, 1), (0, 0), (0, 0)), 3),
        ((4, 5, 9), (2, 4, 5), ((0, 1), (3, 0), (1, 4)), 5),
        ((2, 2, 1), (1, 1, 3), ((0, 0), (0, 0), (1, 1)), 3),
        ((2, 2, 30), (1, 1, 11), ((0, 0), (0, 0), (5, 5)), 3),
        ((2, 2, 20), (1, 1, 7), ((0, 0), (0, 0), (3, 3)), 15),
    ],
)
def test_banded_matrices_equal_the_lax_convolution_and_its_gradient(
    space, window, padding, features
):
    convolve = functools.partial(packed_convolution, padding=padding)
    expect_the_lax_convolution(convolve, space, window, (1, 1, 1), padding, features=features)


@pytest.mark.parametrize(
    ("space", "window", "strides", "padding"),
    [
        ((5, 6, 7), (3, 3, 3), (1, 1, 1), "SAME"),
        ((5, 6, 7), (3, 3, 3), (2, 2, 2), ONE),
        ((5, 6, 7), (3, 3, 3), (1, 2, 2), ((0, 2), (1, 1), (2, 0))),
        ((4, 3, 5), (1, 1, 1), (1, 1, 1), "VALID"),
        ((4, 3, 5), (1, 1, 1), (2, 1, 3), "SAME"),
        ((9, 8), (3, 3), (1, 1), "SAME"),
        ((9, 8), (3, 1), (2, 3), ((0, 1), (2, 0))),
    ],
)
def test_the_form_on_a_cpu_equals_the_lax_convolution_and_its_gradient(
    space, window, strides, padding
):
    convolve = functools.partial(convolution, strides=strides, padding=padding)
    expect_the_lax_convolution(convolve, space, window, strides, padding)


def test_one_row_after_another_equals_all_at_once():
    padding = ((1, 0), (0, 2))
    form = functools.partial(patches_convolution, strides=(2, 1), padding=padding)
    convolve = functools.partial(_row_by_row, form)
    expect_the_lax_convolution(convolve, (5, 6), (3, 2), (2, 1), padding)


def test_no_volumes_have_no_results():
    found = convolution(jnp.ones((0, 4, 5, 6, 2)), jnp.ones((3, 3, 3, 2, 4)))
    assert found.shape == (0, 4, 5, 6, 4)


@pytest.mark.parametrize(
    ("shape", "window", "strides", "features", "packed"),
    [
        ((4, 5, 6, 3), (3, 3, 3), (1, 1, 1), 15, True),
        ((4, 5, 6, 3), (1, 3, 3), (1, 1, 1), 4, True),
        ((4, 5, 6, 3), (3, 3, 3), (1, 1, 2), 4, False),
        ((4, 5, 6, 3), (3, 3, 3), (1, 1, 1), 16, False),
        ((4, 5, 6, 16), (3, 3, 3), (1, 1, 1), 4, False),
        ((4, 5, 6, 3), (1, 1, 1), (1, 1, 1), 4, False),
        ((4, 5, 3), (3, 3), (1, 1), 4, False),
    ],
)
def test_banded_matrices_are_for_few_channels_of_volumes(shape, window, strides, features, packed):
    x, kernel = jnp.zeros((1, *shape)), jnp.zeros((*window, shape[-1], features))
    assert _few_channels(x, kernel, strides) is packed


def test_volumes_have_a_forward_derivative_and_take_a_kernel_per_member():
    x, kernels = normal(0, (2, 3, 4, 5, 2)), normal(1, (3, 3, 3, 3, 2, 4))
    direction, ones = normal(2, x.shape), (1, 1, 1)
    _, slope = jax.jvp(jax.jit(lambda x: convolution(x, kernels[0])), (x,), (direction,))
    np.testing.assert_allclose(slope, lax_convolution(direction, kernels[0], ones), atol=1e-4)
    members = jax.jit(jax.vmap(convolution, (None, 0)))(x, kernels)
    alone = jnp.stack([lax_convolution(x, kernel, ones) for kernel in kernels])
    np.testing.assert_allclose(members, alone, atol=1e-4)
