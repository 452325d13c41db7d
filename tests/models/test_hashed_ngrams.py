"""Hashed n-grams, counted by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    HashedNgrams,
)
from jaxmed.models.hashed_ngrams import ngram_hashes

TOKENS = np.array([[7, 3, 7, 3, 0], [3, 7, 0, 0, 0], [0, 0, 0, 0, 0]])


def hashed(*words, bits):
    """Knuth's hash in Python's own integers."""
    joined = 0
    for word in words:
        joined = (joined * 40503 + word) % 2**32
    return joined * 2654435761 % 2**32 >> (32 - bits)


def test_ngrams_are_the_words_and_pairs_in_order():
    found = ngram_hashes(jnp.asarray(TOKENS), longest=2, bits=20)
    a, b = hashed(7, bits=20), hashed(3, bits=20)
    ab, ba = hashed(7, 3, bits=20), hashed(3, 7, bits=20)
    assert found.tolist() == [
        [a, ab, b, ba, a, ab, b, -1, -1, -1],
        [b, ba, a, -1, -1, -1, -1, -1, -1, -1],
        [-1] * 10,
    ]
    assert len({a, b, ab, ba}) == 4


def test_hashes_spread_over_the_table():
    words = np.random.default_rng(0).integers(1, 20_000, (400, 50))
    found = np.asarray(ngram_hashes(jnp.asarray(words), longest=2, bits=12))
    counts = np.bincount(found[found >= 0], minlength=2**12)
    assert counts.max() < 5 * counts.mean()


def test_the_vector_is_a_sum_over_ngrams():
    bag = HashedNgrams(width=3, longest=3, bits=8, dropout=0.5)
    variables = jax.jit(lambda key: bag.init(key, jnp.asarray(TOKENS), train=False))(
        jax.random.key(0)
    )
    table = np.asarray(variables["params"]["table"])
    found = jax.jit(lambda tokens: bag.apply(variables, tokens, train=False))(TOKENS)
    first = [(7,), (3,), (7,), (3,), (7, 3), (3, 7), (7, 3), (7, 3, 7), (3, 7, 3)]
    second = [(3,), (7,), (3, 7)]
    for row, (words, count) in enumerate([(first, 4), (second, 2)]):
        wanted = sum(table[hashed(*ngram, bits=8)] for ngram in words) / np.sqrt(count)
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)
    assert not found[2].any()


def test_dropout_leaves_out_ngrams_and_keeps_the_mean():
    bag = HashedNgrams(width=2, bits=8, dropout=0.5)
    tokens = jnp.asarray(np.arange(1, 9)[None])
    variables = bag.init(jax.random.key(0), tokens, train=False)
    kept = jax.jit(
        jax.vmap(lambda key: bag.apply(variables, tokens, train=True, rngs={"dropout": key}))
    )(jax.random.split(jax.random.key(1), 4000))
    whole = bag.apply(variables, tokens, train=False)
    # An n-gram counts 0 or 2 times: the deviation of a sum of 15 vectors of .05 is .2 / 8 ** .5.
    np.testing.assert_allclose(kept.mean(0), whole, atol=5 * 0.2 / np.sqrt(8 * 4000))
    assert len(np.unique(np.asarray(kept)[:, 0, 0])) > 3000


@pytest.mark.parametrize(
    ("option", "value"), [("width", 0), ("longest", 0), ("bits", 0), ("bits", 32)]
)
def test_bad_settings_are_refused(option, value):
    with pytest.raises(ValueError, match=f"{option} is {value}"):
        HashedNgrams(**{option: value}).init(jax.random.key(0), jnp.asarray(TOKENS), train=False)
