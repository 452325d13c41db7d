"""Predicting words from their neighbours, and starting another task from what was learned."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.models import MLP, RecurrentEncoder, TextClassifier, WordPredictor
from jaxmed.tasks import words
from jaxmed.training.fit import fit

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
    task = words.word_prediction(NETWORK, draws=400)
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
    columns = words.texts(np.concatenate([tokens, np.zeros((3, TIME), np.int32)]))
    assert len(columns["tokens"]) == len(columns["label"]) == 200
    task = words.word_prediction(NETWORK)
    done = fit(task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=20, epochs=15)
    assert done.history[-1]["train/loss"] < 0.2 < np.log(10) < done.history[0]["train/loss"] + 0.5
    guessed = jax.jit(task.predict)(done.params, {}, columns)["word"]
    assert (np.asarray(guessed) == tokens[:, 0]).mean() > 0.95


def test_another_task_starts_from_what_was_learned(params):
    plain = tasks.binary_classification(TextClassifier(1, encoder()), inputs=inputs.tokens)
    started = words.started(plain, {"encoder": params["encoder"]})
    batch = {"tokens": TOKENS}
    ours, theirs = (jax.jit(task.init)(jax.random.key(5), batch)[0] for task in (started, plain))
    jax.tree.map(np.testing.assert_array_equal, ours["encoder"], params["encoder"])
    jax.tree.map(np.testing.assert_array_equal, ours["Dense_0"], theirs["Dense_0"])


def test_what_does_not_fit_is_refused(params):
    other = tasks.binary_classification(MLP((), 1), inputs=inputs.features(np.ones((2, 2))))
    batch = {"features": jnp.ones((2, 2))}
    started = words.started(other, {"encoder": params["encoder"]})
    with pytest.raises(ValueError, match="params is 'encoder', which is unknown"):
        jax.eval_shape(started.init, jax.random.key(0), batch)
    wider = TextClassifier(1, RecurrentEncoder(WORDS, 9, (6,), bidirectional=True))
    task = tasks.binary_classification(wider, inputs=inputs.tokens)
    started = words.started(task, {"encoder": params["encoder"]})
    with pytest.raises(ValueError, match="params of encoder have the shapes"):
        jax.eval_shape(started.init, jax.random.key(0), {"tokens": TOKENS})
    with pytest.raises(ValueError, match="draws is 0"):
        words.word_prediction(NETWORK, draws=0)
