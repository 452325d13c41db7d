"""Parameters that begin with values learned elsewhere."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.models import MLP, RecurrentEncoder, TextClassifier, WordPredictor
from jaxmed.transforms import initialized_from

WORDS = 15
TOKENS = jnp.array([[5, 6, 7, 8, 9, 0], [10, 11, 0, 0, 0, 0]])


def encoder():
    return RecurrentEncoder(
        WORDS, 8, (6,), bidirectional=True, dropout=0.0, recurrent_dropout=0.0,
        with_embedding=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def learned():
    """The parameters of another network around the same encoder."""
    network = WordPredictor(encoder(), WORDS, hidden=10)
    return jax.jit(network.init)(jax.random.key(0), TOKENS, TOKENS[:, :1])["params"]


def test_another_task_starts_from_what_was_learned(learned):
    plain = tasks.binary_classification(TextClassifier(1, encoder()), inputs=inputs.tokens)
    started = initialized_from(plain, {"encoder": learned["encoder"]})
    ours, theirs = (
        jax.jit(task.init)(jax.random.key(5), {"tokens": TOKENS}, {})[0]
        for task in (started, plain)
    )
    jax.tree.map(np.testing.assert_array_equal, ours["encoder"], learned["encoder"])
    jax.tree.map(np.testing.assert_array_equal, ours["Dense_0"], theirs["Dense_0"])
    assert started.predict is plain.predict


def test_what_does_not_fit_is_refused(learned):
    other = tasks.binary_classification(MLP((), 1), inputs=lambda batch: batch["features"])
    started = initialized_from(other, {"encoder": learned["encoder"]})
    with pytest.raises(ValueError, match="params is 'encoder', which is unknown"):
        jax.eval_shape(started.init, jax.random.key(0), {"features": jnp.ones((2, 2))}, {})
    wider = TextClassifier(1, RecurrentEncoder(WORDS, 9, (6,), bidirectional=True))
    task = tasks.binary_classification(wider, inputs=inputs.tokens)
    started = initialized_from(task, {"encoder": learned["encoder"]})
    with pytest.raises(ValueError, match="params of encoder have the shapes"):
        jax.eval_shape(started.init, jax.random.key(0), {"tokens": TOKENS}, {})
