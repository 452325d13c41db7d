"""The predictor of words against its formula, and what it must not see."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import RecurrentEncoder, WordPredictor

WORDS = 9
ENCODER = RecurrentEncoder(WORDS, 4, (3,), bidirectional=True)
NETWORK = WordPredictor(ENCODER, WORDS, hidden=5)
TOKENS = jnp.array([[5, 6, 7, 8, 0], [1, 2, 0, 0, 0]])
AT = jnp.array([[0, 3, 2], [1, 0, 0]])


@pytest.fixture(scope="module")
def params():
    values = jax.jit(NETWORK.init)(jax.random.key(0), TOKENS, AT)["params"]
    return jax.tree.map(lambda w: w + 0.1, values)


@jax.jit
def scores(params, tokens, at):
    return NETWORK.apply({"params": params}, tokens, at)


def test_scores_are_products_of_the_context_and_every_word(params):
    found = scores(params, TOKENS, AT)
    left, right = map(np.asarray, ENCODER.apply({"params": params["encoder"]}, TOKENS, train=False))
    p = jax.tree.map(np.asarray, params)
    words = p["encoder"]["embedding"]["embedding"]
    for (row, draw), place in np.ndenumerate(np.asarray(AT)):
        before = left[row, place - 1] if place else np.zeros(3)
        behind = right[row, place + 1]
        x = np.concatenate([before, behind]) @ p["Dense_0"]["kernel"] + p["Dense_0"]["bias"]
        x = np.asarray(jax.nn.gelu(jnp.float32(x)))
        x = x @ p["Dense_1"]["kernel"] + p["Dense_1"]["bias"]
        np.testing.assert_allclose(found[row, draw], words @ x + p["bias"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("place", range(4))
def test_a_word_is_predicted_from_every_word_but_itself(params, place):
    text, at = TOKENS[:1], jnp.array([[place]])
    before = scores(params, text, at)
    for other in range(4):
        after = scores(params, text.at[0, other].set(3), at)
        assert (before == after).all() == (other == place)
