"""The transformer encoder against NumPy in float64, loop by loop, and what must not matter."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import TextClassifier, TransformerEncoder
from jaxmed.models.transformer import SelfAttention, rotary

pytestmark = pytest.mark.slow  # gradients of attention are compiled

VOCABULARY, WIDTH, HEADS, HIDDEN = 11, 12, 3, 20
TOKENS = jnp.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0], [6, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
LENGTHS = np.array([5, 2, 1, 0])


def turned(vector, place):
    """Each pair of coordinates as a complex number, times exp(i angle)."""
    half = len(vector) // 2
    angles = place / 10_000 ** (2 * np.arange(half) / len(vector))
    pairs = (vector[:half] + 1j * vector[half:]) * np.exp(1j * angles)
    return np.concatenate([pairs.real, pairs.imag])


def attention(params, x):
    """Self-attention of one text [time, width] without padding, one query and head at a time."""
    combined, output = params["query_key_value"], params["output"]
    query, key, value = np.split(x @ combined["kernel"] + combined["bias"], 3, axis=-1)
    seen, each = np.zeros_like(x), WIDTH // HEADS
    for head in range(HEADS):
        at = slice(head * each, (head + 1) * each)
        for t in range(len(x)):
            asked = turned(query[t, at], t)
            scores = [asked @ turned(key[s, at], s) / math.sqrt(each) for s in range(len(x))]
            weights = np.exp(scores) / np.exp(scores).sum()
            seen[t, at] = sum(w * v for w, v in zip(weights, value[:, at], strict=True))
    return seen @ output["kernel"] + output["bias"]


def norm(params, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * params["scale"] + params["bias"]


def gelu(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def encoded(params, tokens, layers):
    """The states of one text without padding."""
    x = params["embedding"]["embedding"][tokens]
    for number in range(layers):
        layer = params[f"TransformerLayer_{number}"]
        x = x + attention(layer["attention"], norm(layer["attention_norm"], x))
        hidden = norm(layer["hidden_norm"], x) @ layer["hidden"]["kernel"] + layer["hidden"]["bias"]
        x = x + gelu(hidden) @ layer["output"]["kernel"] + layer["output"]["bias"]
    return norm(params["norm"], x)


def shaken(params):
    """Parameters of which none is zero or one, in float32."""
    random = np.random.default_rng(0)
    return jax.tree.map(lambda w: w + jnp.float32(0.3) * random.normal(size=w.shape), params)


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def in_double(params):
    return jax.tree.map(lambda w: np.asarray(w, np.float64), params)


@pytest.fixture(scope="module")
def small():
    encoder = TransformerEncoder(VOCABULARY, WIDTH, HEADS, layers=2, hidden=HIDDEN, dropout=0.4)
    params = jax.jit(functools.partial(encoder.init, train=False))(jax.random.key(0), TOKENS)
    return encoder, {"params": shaken(params["params"])}


def test_attention_is_its_formula_and_never_sees_padding():
    layer = SelfAttention(HEADS)
    x = normal(1, *TOKENS.shape, WIDTH)
    variables = {"params": shaken(layer.init(jax.random.key(0), x, TOKENS != 0)["params"])}
    found, kept = layer.apply(variables, x, TOKENS != 0, mutable=["intermediates"])
    found, weights = np.asarray(found), np.asarray(kept["intermediates"]["weights"])
    params = in_double(variables["params"])
    for row, length in enumerate(LENGTHS):
        inside = np.asarray(x[row, :length], np.float64)
        np.testing.assert_allclose(found[row, :length], attention(params, inside), atol=2e-5)
        assert (weights[row, :, :, length:] == (0 if length else np.float32(0.2))).all()
    np.testing.assert_allclose(found[3], np.tile(params["output"]["bias"], (5, 1)), rtol=1e-6)


def test_without_a_word_on_which_tokens_are_real_all_are():
    layer, x = SelfAttention(HEADS), normal(5, 2, 3, WIDTH)
    variables = layer.init(jax.random.key(0), x, None)
    found = layer.apply(variables, x, None)
    expected = layer.apply(variables, x, jnp.ones((2, 3), bool))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_states_are_those_of_loops_and_behind_the_end_stands_the_last(small):
    encoder, variables = small
    found = np.asarray(encoder.apply(variables, TOKENS, train=False)[0])
    for row, length in enumerate(LENGTHS):
        tokens = np.asarray(TOKENS[row, :length])
        states = encoded(in_double(variables["params"]), tokens, layers=2)
        np.testing.assert_allclose(found[row, :length], states, atol=5e-5)
        assert (found[row, length:] == found[row, max(length - 1, 0)]).all()


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


def test_more_padding_changes_no_state_and_its_vector_learns_nothing(small):
    encoder, variables = small
    longer = jnp.pad(TOKENS[:3], ((0, 0), (0, 4)))

    @jax.jit
    def states(variables, tokens):
        return encoder.apply(variables, tokens, train=False)[0]

    found = np.asarray(states(variables, longer))
    np.testing.assert_allclose(found[:, :5], states(variables, TOKENS[:3]), atol=1e-5)
    slopes = jax.jit(jax.grad(lambda v: (states(v, longer) ** 3).sum()))(variables)
    slope = np.asarray(slopes["params"]["embedding"]["embedding"])
    used = np.isin(np.arange(VOCABULARY), np.asarray(TOKENS)) & (np.arange(VOCABULARY) > 0)
    assert (slope[~used] == 0).all()
    assert (slope[used] != 0).any(axis=-1).all()


def test_rows_know_nothing_of_each_other(small):
    encoder, variables = small
    order = jnp.array([2, 0, 3, 1])
    (found,) = encoder.apply(variables, TOKENS, train=False)
    (moved,) = encoder.apply(variables, TOKENS[order], train=False)
    np.testing.assert_allclose(moved, found[order], atol=1e-6)


def test_the_order_of_words_matters(small):
    encoder, variables = small
    forward, backward = (
        encoder.apply(variables, jnp.array([words]), train=False)[0][0]
        for words in ([1, 2, 3], [3, 2, 1])
    )
    assert np.abs(forward[::-1] - backward).max() > 0.01


def test_an_empty_text_has_a_finite_answer_and_gradient(small):
    encoder, _ = small
    network = TextClassifier(2, encoder)
    nothing = jnp.zeros((2, 3), jnp.int32)
    variables = jax.jit(network.init)(jax.random.key(0), nothing)

    def loss(variables):
        rngs = {"dropout": jax.random.key(1)}
        return network.apply(variables, nothing, train=True, rngs=rngs).sum()

    found = jax.jit(jax.value_and_grad(loss))(variables)
    assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(found))


def test_dropout_belongs_to_a_row_and_is_off_after_training(small):
    encoder, variables = small

    def states(key, tokens, *, train):
        return encoder.apply(variables, tokens, train=train, rngs={"dropout": key})[0]

    first, second = jax.random.key(1), jax.random.key(2)
    trained = states(first, TOKENS, train=True)
    assert np.abs(trained - states(second, TOKENS, train=True)).max() > 0.1
    np.testing.assert_allclose(states(first, TOKENS[:2], train=True), trained[:2], atol=1e-5)
    plain = states(first, TOKENS, train=False)
    np.testing.assert_array_equal(plain, states(second, TOKENS, train=False))


def test_parameters_of_the_defaults():
    shapes = jax.eval_shape(
        lambda key: TransformerEncoder(1000).init(key, TOKENS, train=False), jax.random.key(0)
    )
    # Q, K, V and the output: 4 squares; the perceptron: 8; biases 3 + 1 + 4 + 1; two norms
    layer = 12 * 128 * 128 + 9 * 128 + 4 * 128
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 1000 * 128 + 2 * layer + 2 * 128


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"width": 12, "heads": 4},
            "width is 12, but must be a multiple of 8, 2 for each",
        ),
        ({"width": 10, "heads": 4}, "width is 10, but must be a multiple of 8"),
        ({"layers": 0}, "layers is 0, but must be greater than 0"),
    ],
)
def test_widths_that_cannot_be_shared_out_are_refused(options, words):
    encoder = TransformerEncoder(VOCABULARY, **options)
    with pytest.raises(ValueError, match=words):
        encoder.init(jax.random.key(0), TOKENS, train=False)


def test_an_odd_width_cannot_be_turned():
    with pytest.raises(ValueError, match="x is 5 wide in each head, but must be even"):
        rotary(jnp.ones((1, 2, 3, 5)))
