"""Labels of sentences: positions by hand, and what must not matter."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    RecurrentEncoder,
    SentenceTagger,
)
from jaxmed.models.sentence_tagger import sentence_positions


def test_positions_are_counted_from_both_ends():
    real = jnp.arange(14)[None] < jnp.array([[12], [2], [0]])
    found = np.asarray(sentence_positions(real)).reshape(3, 14, 3, 10)
    assert (found.sum(-1) == np.asarray(real)[..., None]).all()
    numbers = found.argmax(-1)
    assert numbers[0, :12, 0].tolist() == [*range(9), 9, 9, 9]
    assert numbers[0, :12, 1].tolist() == [9, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert numbers[0, :12, 2].tolist() == [10 * i // 12 for i in range(12)]
    assert numbers[1, :2].tolist() == [[0, 1, 0], [1, 0, 5]]


def tagger(**options):
    encoder = RecurrentEncoder(9, 4, (3,), bidirectional=True)
    return SentenceTagger(3, encoder, units=5, **options)


# Two documents, of 3 sentences and of 1.
TOKENS = np.zeros((2, 4, 3), np.int32)
TOKENS[0, :3, :2] = [[1, 2], [3, 0], [4, 5]]
TOKENS[1, 0] = [6, 7, 8]


@functools.cache
def variables(**options):
    """Parameters of which none is zero."""
    network = tagger(**options)
    values = jax.jit(network.init)(jax.random.key(0), TOKENS)
    return jax.tree.map(lambda w: w + 0.1, values)


def scores(tokens, **options):
    return jax.jit(tagger(**options).apply)(variables(**options), tokens)


def test_padding_of_documents_and_sentences_changes_no_score():
    emissions, _, real = scores(TOKENS)
    longer = np.pad(TOKENS, ((0, 0), (0, 2), (0, 3)))
    found, _, still_real = scores(longer)
    assert real.tolist() == [[True, True, True, False], [True, False, False, False]]
    assert still_real.tolist() == [[*row, False, False] for row in real.tolist()]
    np.testing.assert_allclose(found[:, :4][real], emissions[real], atol=1e-5)


@pytest.mark.parametrize("context", [True, False])
def test_only_with_context_a_sentence_depends_on_its_neighbors(context):
    changed = TOKENS.copy()
    changed[0, 2] = [8, 8, 8]
    before, after = (scores(tokens, context=context)[0] for tokens in (TOKENS, changed))
    assert (np.abs(after - before)[0, 0] > 1e-6).any() == context
    assert (np.abs(after - before)[0, 2] > 1e-6).any()
    np.testing.assert_allclose(after[1, 0], before[1, 0], atol=1e-6)


def test_without_a_chain_there_is_nothing_to_learn_about_transitions():
    assert {"start", "step", "end"} <= set(variables(chained=True)["params"])
    assert not {"start", "step", "end"} & set(variables(chained=False)["params"])
    _, chain, _ = scores(TOKENS, chained=False)
    assert [part.shape for part in chain] == [(3,), (3, 3), (3,)]
    assert not any(np.asarray(part).any() for part in chain)
