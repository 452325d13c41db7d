"""Tasks made from tasks: cropped ones learn the same, decided ones keep the order."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.models import RecurrentEncoder, SentenceTagger, TextClassifier
from jaxmed.training.fit import fit
from jaxmed.transforms import threshold

pytestmark = pytest.mark.slow  # texts are compiled at several lengths

ROWS, TIME = 40, 9
_random = np.random.default_rng(0)
LENGTHS = _random.integers(1, TIME + 1, ROWS)
TOKENS = np.where(
    np.arange(TIME)[None] < LENGTHS[:, None], _random.integers(1, 20, (ROWS, TIME)), 0
).astype(np.int32)
LABEL = (TOKENS == 3).any(1).astype(np.int32)
COLUMNS = {"tokens": TOKENS, "label": LABEL}

TEXT = tasks.binary_classification(
    TextClassifier(1, RecurrentEncoder(20, 5, (4,), dropout=0.0, recurrent_dropout=0.0)),
    inputs=inputs.tokens,
)
CROPPED = threshold.cropped(TEXT, (3, 6))


@pytest.fixture(scope="module")
def params():
    return jax.jit(TEXT.init)(jax.random.key(0), COLUMNS)[0]


@pytest.fixture(scope="module")
def gradients():
    """Of the whole and the cropped task, each compiled once."""

    def gradient(task):
        def loss(params, batch):
            return task.loss(params, {}, batch, jax.random.key(1))[0].sum()

        return jax.jit(jax.value_and_grad(loss))

    return gradient(TEXT), gradient(CROPPED)


@pytest.mark.parametrize("length", [1, 3, 4, 7, 9])
def test_a_cropped_batch_has_the_loss_and_the_gradient_of_the_whole(length, params, gradients):
    kept = np.where(np.arange(TIME)[None] < length, TOKENS, 0)
    batch = {"tokens": kept, "label": LABEL, "mask": np.ones(ROWS, np.float32)}
    whole, cut = (gradient(params, batch) for gradient in gradients)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), whole, cut)


def test_grouping_by_length_changes_the_order_and_cropping_nothing():
    options = {"key": jax.random.key(0), "batch_size": 8, "epochs": 3}
    by_length = batches.by_length(LENGTHS, pool=2)
    whole, cut = (
        fit(task, optax.sgd(0.5), COLUMNS, order=by_length, **options) for task in (TEXT, CROPPED)
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        whole.params,
        cut.params,
    )
    losses = [[row["train/loss"] for row in done.history] for done in (whole, cut)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_documents_are_cropped_with_their_labels():
    tokens = _random.integers(1, 5, (12, 5, 2)).astype(np.int32)
    tokens[:, 2:] = 0  # documents of two sentences in the room of five,
    tokens[:3, 1:] = 0  # or of one
    label = np.where(tokens[..., 0] > 0, tokens[..., 0] % 3, -1)
    encoder = RecurrentEncoder(5, 8, (8,), dropout=0.0, recurrent_dropout=0.0)
    network = SentenceTagger(3, encoder, units=8, dropout=0.0)
    task = tasks.sequence_labelling(network, classes=3, inputs=inputs.tokens)
    cut = threshold.cropped(task, (2,), keys=("tokens", "label"))
    batch = {"tokens": jnp.asarray(tokens), "label": jnp.asarray(label)}
    params, state = jax.jit(task.init)(jax.random.key(0), batch)
    losses = [jax.jit(each.loss) for each in (cut, task)]
    ours, theirs = (loss(params, state, batch, jax.random.key(1))[0] for loss in losses)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_a_threshold_becomes_one_half_and_the_order_stays(params):
    def probabilities(task):
        return np.asarray(jax.jit(task.predict)(params, {}, COLUMNS)["probabilities"], np.float64)

    before = probabilities(TEXT)
    limit = float(np.median(before[:, 1]))
    after = probabilities(threshold.decided(TEXT, limit))
    np.testing.assert_allclose(after.sum(1), 1, rtol=1e-6)
    odds = before[:, 1] / before[:, 0] * (1 - limit) / limit
    np.testing.assert_allclose(after[:, 1], odds / (1 + odds), rtol=1e-5)
    clear = abs(before[:, 1] - limit) > 1e-6
    assert clear.any()
    assert ((after[:, 1] > 0.5) == (before[:, 1] > limit))[clear].all()
    with pytest.raises(ValueError, match=r"threshold is 1, but must lie in \(0, 1\)"):
        threshold.decided(TEXT, 1)
