"""Enlarging by learned weights: against XLA's transposed convolution and against loops."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmed.models.layers import Upsample


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def enlarged(x, features, factors):
    """The result, and the variables, of which none is zero."""
    layer = Upsample(features, factors)
    params = layer.init(jax.random.key(0), x)["params"]
    params["bias"]["value"] = normal(3, (features,))
    return layer.apply({"params": params}, x), params


@pytest.mark.parametrize(
    ("space", "factors"), [((3, 5), (2, 2)), ((3, 4), (1, 3)), ((2, 3, 4), (1, 2, 2))]
)
def test_it_is_a_transposed_convolution_whose_window_is_its_stride(space, factors):
    x, features = normal(0, (2, *space, 3)), 4
    found, params = enlarged(x, features, factors)
    kernel = params["kernel"].reshape(3, *factors, features)
    kernel = jnp.moveaxis(kernel, 0, -2)
    names = "DHW"[-len(space) :]
    expected = lax.conv_transpose(
        x,
        kernel,
        factors,
        "VALID",
        dimension_numbers=(f"N{names}C", f"{names}IO", f"N{names}C"),
    )
    bias = params["bias"]["value"].reshape(*(1,) * (len(space) + 1), -1)
    # A transposed convolution of XLA turns its kernel around only where it is told to.
    np.testing.assert_allclose(found, _turned(expected, factors) + bias, atol=1e-5)


def _turned(x, factors):
    """The pixels of each block in reverse order along every axis."""
    x = np.asarray(x)
    for axis, factor in enumerate(factors, 1):
        blocks = np.arange(x.shape[axis]).reshape(-1, factor)
        x = x.take(blocks[:, ::-1].ravel(), axis=axis)
    return x


def test_every_pixel_becomes_a_block_in_the_order_of_its_axes():
    x, factors = normal(0, (1, 2, 3, 2)), (2, 3)
    found, params = enlarged(x, 2, factors)
    kernel = np.asarray(params["kernel"]).reshape(2, 2, 3, 2)
    for i, j, a, b in itertools.product(range(2), range(3), range(2), range(3)):
        expected = np.asarray(x)[0, i, j] @ kernel[:, a, b] + np.asarray(params["bias"]["value"])
        np.testing.assert_allclose(found[0, 2 * i + a, 3 * j + b], expected, atol=1e-5)


def test_factors_of_one_are_a_linear_layer():
    x = normal(0, (2, 3, 4, 5))
    found, params = enlarged(x, 3, (1, 1))
    expected = np.asarray(x) @ np.asarray(params["kernel"]) + np.asarray(params["bias"]["value"])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_type_of_the_input_is_kept():
    x = normal(0, (1, 2, 2, 3)).astype(jnp.bfloat16)
    assert enlarged(x, 2, (2, 2))[0].dtype == jnp.bfloat16


def test_factors_of_other_axes_are_refused():
    words = r"^factors is \(2, 2\), but must have one number for each of the 3 axes"
    with pytest.raises(ValueError, match=words):
        Upsample(2, (2, 2)).init(jax.random.key(0), jnp.ones((1, 2, 2, 2, 3)))
