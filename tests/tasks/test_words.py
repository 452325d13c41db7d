"""Predicting words from their neighbors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.metrics.streaming import mean_of
from jaxmed.models import RecurrentEncoder, WordPredictor
from jaxmed.tasks import Model
from jaxmed.tasks.words import texts
from jaxmed.training import Run, fit

pytestmark = pytest.mark.slow  # trains

WORDS, TIME = 15, 6


def encoder(dropout=0.0):
    return RecurrentEncoder(
        WORDS, 8, (6,), bidirectional=True, dropout=dropout, recurrent_dropout=0.0,
        with_embedding=True,
    )  # fmt: skip


NETWORK = WordPredictor(encoder(), WORDS, hidden=10)
TOKENS = jnp.array([[5, 6, 7, 8, 9, 0], [10, 11, 0, 0, 0, 0]])


@pytest.fixture(scope="module")
def params():
    return jax.jit(NETWORK.init)(jax.random.key(0), TOKENS, TOKENS[:, :1])["params"]


@jax.jit
def scores(params, tokens, at):
    return NETWORK.apply({"params": params}, tokens, at)


@pytest.mark.parametrize("place", range(5))
def test_a_word_is_predicted_from_every_word_but_itself(params, place):
    text, at = TOKENS[:1], jnp.array([[place]])
    before = scores(params, text, at)
    for other in range(5):
        after = scores(params, text.at[0, other].set(13), at)
        assert (before == after).all() == (other == place)


def test_the_loss_is_the_mean_cross_entropy_of_the_words_drawn(params):
    task = tasks.word_prediction(NETWORK, draws=400)
    batch = {"tokens": TOKENS, "mask": jnp.ones(2)}
    found, _ = jax.jit(task.loss)(params, {}, batch, jax.random.key(3))
    at = jnp.broadcast_to(jnp.arange(5), (2, 5))
    every = -jax.nn.log_softmax(scores(params, TOKENS, at))
    each = every[jnp.arange(2)[:, None], at, TOKENS[:, :5]]
    # Every real word is drawn about equally often, padding never.
    for row, length in enumerate((5, 2)):
        spread = float(each[row, :length].std()) / np.sqrt(400)
        assert abs(found[row] - each[row, :length].mean()) < 5 * spread + 1e-5


def test_it_learns_what_follows_what():
    random = np.random.default_rng(0)
    first = random.integers(5, WORDS, 200)
    tokens = np.stack([(first - 5 + i) % 10 + 5 for i in range(TIME)], axis=1).astype(np.int32)
    columns = texts(np.concatenate([tokens, np.zeros((3, TIME), np.int32)]))
    assert {name: len(column) for name, column in columns.items()} == {"tokens": 200}
    task = tasks.word_prediction(NETWORK)
    done = fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=20, epochs=15,
        run=Run(progress=False),
    )  # fmt: skip
    assert done.history[-1]["train/loss"] < 0.2 < np.log(10) < done.history[0]["train/loss"] + 0.5
    guessed = jax.jit(Model.predict)(done.model, columns)["word"]
    assert (np.asarray(guessed) == tokens[:, 0]).mean() > 0.95


def test_what_a_user_sets_is_used_or_refused():
    own = {"own": mean_of("word")}
    assert tasks.word_prediction(NETWORK, metrics=own).metrics == own
    with pytest.raises(ValueError, match="draws is 0"):
        tasks.word_prediction(NETWORK, draws=0)
