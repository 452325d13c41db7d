"""Every form of convolution against XLA's own."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    layers,
)
from jaxmed.models.layers.convolution import convolution, lax_convolution, patches_convolution


def normal(seed, shape, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


@pytest.mark.parametrize("padding", ["SAME", "VALID", (1, 2)])
@pytest.mark.parametrize(
    ("space", "window", "stride"),
    [
        ((11,), (3,), 2),
        ((9, 8), (3, 3), 1),
        ((9, 8), (3, 3), 2),
        ((7, 6), (1, 1), 2),
        ((8, 7), (5, 2), 3),
        ((5, 6, 7), (3, 2, 3), 1),
        ((5, 6, 7), (3, 2, 3), 2),
    ],
)
def test_patches_equal_the_lax_convolution_and_its_gradient(space, window, stride, padding):
    x, kernel = normal(0, (2, *space, 3)), normal(1, (*window, 3, 4))
    strides = (stride,) * len(space)
    padding = padding if isinstance(padding, str) else (padding,) * len(space)

    def loss(convolve):
        return lambda x, kernel: jnp.sin(convolve(x, kernel, strides, padding)).sum()

    ours = patches_convolution(x, kernel, strides, padding)
    np.testing.assert_allclose(
        ours, lax_convolution(x, kernel, strides, padding), rtol=1e-5, atol=1e-5
    )
    gradients = jax.grad(loss(patches_convolution), (0, 1))(x, kernel)
    expected = jax.grad(loss(lax_convolution), (0, 1))(x, kernel)
    for ours, reference in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-4, atol=1e-4)


def test_no_rows_have_no_results():
    found = convolution(jnp.ones((0, 8, 8, 16)), jnp.ones((3, 3, 16, 4)))
    assert found.shape == (0, 8, 8, 4)


@pytest.mark.parametrize(
    ("shape", "window", "options", "filtered"),
    [
        ((6, 7, 16), (3, 3), {}, True),
        ((6, 7, 16), (3, 3), {"padding": ((1, 1), (1, 1))}, True),
        ((6, 7, 6, 16), (3, 3, 3), {}, True),
        ((6, 7, 16), (3, 3), {"padding": ((1, 1), (0, 2))}, False),
        ((6, 7, 16), (3, 3), {"padding": "VALID"}, False),
        ((6, 7, 16), (3, 3), {"strides": (2, 1)}, False),
        ((6, 7, 16), (3, 1), {}, False),
        ((6, 7, 15), (3, 3), {}, False),
        ((2, 7, 16), (3, 3), {}, False),
        ((5, 5, 16), (3, 3), {}, False),
    ],
)
def test_the_form_is_chosen_by_what_it_can_do_and_changes_no_result(
    shape, window, options, filtered
):
    x, kernel = normal(0, (2, *shape)), normal(1, (*window, shape[-1], 4))

    def convolve(x, kernel):
        return convolution(x, kernel, **options)

    # Only filtering takes an input apart; patches are slices.
    assert ("split[" in str(jax.make_jaxpr(convolve)(x, kernel))) is filtered
    plain = lax_convolution(x, kernel, **{"strides": (1,) * len(window), **options})
    found = jax.jit(convolve)(x, kernel)
    np.testing.assert_allclose(found, plain, rtol=0, atol=5e-5 * float(jnp.abs(plain).max()))


def test_few_bits_are_not_filtered():
    x, kernel = normal(0, (2, 6, 7, 16), jnp.bfloat16), normal(1, (3, 3, 16, 4), jnp.bfloat16)
    assert "split[" not in str(jax.make_jaxpr(convolution)(x, kernel))


def test_the_layer_is_a_convolution_and_a_bias():
    x = normal(0, (2, 5, 6, 3))
    layer = layers.Conv(4, (3, 2), strides=(2, 1))
    params = layer.init(jax.random.key(0), x)["params"]
    assert params["bias"]["value"].tolist() == [0.0] * 4
    params["bias"]["value"] = jnp.arange(4.0)
    plain = lax_convolution(x, params["kernel"], (2, 1)) + np.arange(4.0).reshape(1, 1, 1, 4)
    np.testing.assert_allclose(layer.apply({"params": params}, x), plain, atol=1e-5)
    without = layers.Conv(4, (3, 2), use_bias=False).init(jax.random.key(0), x)["params"]
    assert set(without) == {"kernel"}
