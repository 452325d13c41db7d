"""The transformer encoder against NumPy in float64, and what must not matter."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_attention import norm, rotated, transformer_layer

from jaxmed.models import (
    TextClassifier,
    TransformerEncoder,
)

pytestmark = pytest.mark.slow  # gradients of attention are compiled


VOCABULARY, WIDTH, HEADS, HIDDEN = 11, 12, 3, 20


TOKENS = jnp.array([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0], [6, 0, 0, 0, 0], [0, 0, 0, 0, 0]])


LENGTHS = np.array([5, 2, 1, 0])


def encoded(params, tokens, layers):
    """The states of one text without padding."""
    x = params["embedding"]["embedding"][tokens]
    for number in range(layers):
        layer = params[f"TransformerLayer_{number}"]
        x, _ = transformer_layer(x, layer, HEADS, position=rotated)
    return norm(x, params["norm"])


def shaken(params):
    """Parameters of which none is zero or one, in float32."""
    random = np.random.default_rng(0)
    return jax.tree.map(lambda w: w + jnp.float32(0.3) * random.normal(size=w.shape), params)


def in_double(params):
    return jax.tree.map(lambda w: np.asarray(w, np.float64), params)


@pytest.fixture(scope="module")
def small():
    encoder = TransformerEncoder(VOCABULARY, WIDTH, HEADS, layers=2, hidden=HIDDEN, dropout=0.4)
    params = jax.jit(functools.partial(encoder.init, train=False))(jax.random.key(0), TOKENS)
    return encoder, {"params": shaken(params["params"])}


def test_states_are_those_of_loops_and_behind_the_end_stands_the_last(small):
    encoder, variables = small
    found = np.asarray(encoder.apply(variables, TOKENS, train=False)[0])
    for row, length in enumerate(LENGTHS):
        tokens = np.asarray(TOKENS[row, :length])
        states = encoded(in_double(variables["params"]), tokens, layers=2)
        np.testing.assert_allclose(found[row, :length], states, atol=5e-5)
        assert (found[row, length:] == found[row, max(length - 1, 0)]).all()


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
        ({"layers": 0}, "layers is 0, but must be at least 1"),
    ],
)
def test_widths_that_cannot_be_shared_out_are_refused(options, words):
    def init(key):
        return TransformerEncoder(VOCABULARY, **options).init(key, TOKENS, train=False)

    with pytest.raises(ValueError, match=words):
        init(jax.random.key(0))
