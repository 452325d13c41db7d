"""Winograd's filtering against XLA's own convolution."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models.layers.convolution import lax_convolution
from jaxmed.models.layers.winograd import winograd_convolution


def normal(seed, shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


@pytest.mark.parametrize("space", [(1,), (3, 8), (7, 5), (3, 4, 5)])
def test_filtering_equals_the_lax_convolution_and_its_gradient(space):
    window, strides = (3,) * len(space), (1,) * len(space)
    with jax.enable_x64(True):
        x = normal(0, (2, *space, 3), jnp.float64)
        kernel = normal(1, (*window, 3, 4), jnp.float64)
        found, gradients = jax.vjp(winograd_convolution, x, kernel)
        expected, reference = jax.vjp(
            lambda x, kernel: lax_convolution(x, kernel, strides), x, kernel
        )
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        weights = normal(2, found.shape, jnp.float64)
        for ours, theirs in zip(gradients(weights), reference(weights), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("space", [(14, 14), (6, 6, 6)])
def test_filtering_in_float32_is_within_what_it_promises(space):
    x, kernel = normal(0, (2, *space, 128)), normal(1, (*(3,) * len(space), 128, 64))

    def values(convolve, *arguments):
        found, gradients = jax.vjp(convolve, *arguments)
        return found, *gradients(normal(2, found.shape, found.dtype))

    single = values(jax.jit(winograd_convolution), x, kernel)
    with jax.enable_x64(True):
        wide = (x.astype(jnp.float64), kernel.astype(jnp.float64))
        exact = values(lambda x, kernel: lax_convolution(x, kernel, (1,) * len(space)), *wide)
        for found, expected in zip(single, exact, strict=True):
            assert float(jnp.abs(found - expected).max() / jnp.abs(expected).max()) < 3e-5


def test_products_keep_all_bits_where_a_model_is_exported_to():
    program = str(
        jax.make_jaxpr(winograd_convolution)(jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 2)))
    )
    assert program.count("dot_general[") == program.count("Precision.HIGHEST, Precision.HIGHEST")


def test_filtering_has_a_forward_derivative_and_takes_a_kernel_a_member():
    x, kernels = normal(0, (2, 5, 6, 3)), normal(1, (4, 3, 3, 3, 2))
    direction = normal(2, x.shape)
    _, slope = jax.jvp(jax.jit(lambda x: winograd_convolution(x, kernels[0])), (x,), (direction,))
    np.testing.assert_allclose(slope, lax_convolution(direction, kernels[0], (1, 1)), atol=1e-4)
    members = jax.jit(jax.vmap(winograd_convolution, (None, 0)))(x, kernels)
    alone = jnp.stack([lax_convolution(x, kernel, (1, 1)) for kernel in kernels])
    np.testing.assert_allclose(members, alone, atol=1e-4)
