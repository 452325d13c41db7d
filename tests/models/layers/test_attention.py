"""Self-attention and rotary positions against NumPy in float64, loop by loop."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_attention import attention, rotated

from jaxmed.models.layers.attention import SelfAttention, rotary

pytestmark = pytest.mark.slow  # attention is compiled


WIDTH, HEADS = 12, 3


TOKENS = jnp.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0], [6, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


LENGTHS = np.array([5, 2, 1, 0])


def shaken(params):
    """Parameters of which none is zero or one, in float32."""
    random = np.random.default_rng(0)
    return jax.tree.map(lambda w: w + jnp.float32(0.3) * random.normal(size=w.shape), params)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def in_double(params):
    return jax.tree.map(lambda w: np.asarray(w, np.float64), params)


def test_attention_is_its_formula_and_never_sees_padding():
    layer = SelfAttention(HEADS)
    x = normal(1, *TOKENS.shape, WIDTH)
    variables = {"params": shaken(layer.init(jax.random.key(0), x, TOKENS != 0)["params"])}
    found, kept = layer.apply(variables, x, TOKENS != 0, mutable=["intermediates"])
    found, weights = np.asarray(found), np.asarray(kept["intermediates"]["weights"])
    params = in_double(variables["params"])
    for row, length in enumerate(LENGTHS):
        inside = np.asarray(x[row, :length], np.float64)
        expected, _ = attention(inside, params, HEADS, position=rotated)
        np.testing.assert_allclose(found[row, :length], expected, atol=2e-5)
        assert (weights[row, :, :, length:] == (0 if length else np.float32(0.2))).all()
    np.testing.assert_allclose(found[3], np.tile(params["output"]["bias"], (5, 1)), rtol=1e-6)


def test_without_a_word_on_which_tokens_are_real_all_are():
    layer, x = SelfAttention(HEADS), normal(5, 2, 3, WIDTH)
    variables = layer.init(jax.random.key(0), x, None)
    found = layer.apply(variables, x, None)
    expected = layer.apply(variables, x, jnp.ones((2, 3), bool))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_products_of_turned_vectors_depend_on_their_distance_only():
    query, key = normal(2, 8), normal(3, 8)
    everywhere = [rotary(jnp.tile(v, (1, 30, 1, 1)))[0, :, 0] for v in (query, key)]
    products = np.asarray(everywhere[0] @ everywhere[1].T)
    for distance in range(-29, 30):
        along = np.diagonal(products, distance)
        np.testing.assert_allclose(along, along[0], atol=1e-5)
    assert np.ptp(products[0]) > 0.1
    np.testing.assert_allclose(products[0, 0], query @ key, rtol=1e-5)


def test_turning_keeps_lengths_and_the_first_place():
    x = normal(4, 2, 300, 3, 8)
    found = rotary(x)
    lengths = [np.linalg.norm(np.asarray(v), axis=-1) for v in (x, found)]
    np.testing.assert_allclose(*lengths, rtol=1e-5)
    np.testing.assert_array_equal(found[:, 0], x[:, 0])
    assert rotary(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_an_odd_width_cannot_be_turned():
    with pytest.raises(
        ValueError, match="x is 5 wide in each head, but must be even: its coordinates rotate"
    ):
        rotary(jnp.ones((1, 2, 3, 5)))
