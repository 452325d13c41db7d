"""Tasks of sequences, and the transformation that crops them."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from sklearn.metrics import accuracy_score, f1_score

from jaxmed import crf, tasks
from jaxmed.data import batches, inputs
from jaxmed.evaluation.evaluate import evaluate, measure, predict
from jaxmed.models import RecurrentEncoder, SentenceTagger, TextClassifier
from jaxmed.training.fit import fit

ROWS, TIME = 40, 9
_random = np.random.default_rng(0)
LENGTHS = _random.integers(1, TIME + 1, ROWS)
TOKENS = np.where(
    np.arange(TIME)[None] < LENGTHS[:, None], _random.integers(1, 20, (ROWS, TIME)), 0
).astype(np.int32)
LABEL = (TOKENS == 3).any(1).astype(np.int32)


TEXT = tasks.binary_classification(
    TextClassifier(1, RecurrentEncoder(20, 5, (4,), dropout=0.0, recurrent_dropout=0.0)),
    inputs=inputs.tokens,
)


@pytest.mark.parametrize("length", [1, 3, 4, 7, 9])
def test_a_cropped_batch_has_the_loss_and_the_gradient_of_the_whole(length):
    kept = np.where(np.arange(TIME)[None] < length, TOKENS, 0)
    batch = {"tokens": kept, "label": LABEL, "mask": np.ones(ROWS, np.float32)}
    batch = jax.tree.map(jax.numpy.asarray, batch)
    params, state = TEXT.init(jax.random.key(0), batch)

    def total(task):
        def loss(params):
            return task.loss(params, state, batch, jax.random.key(1))[0].sum()

        return jax.jit(jax.value_and_grad(loss))(params)

    whole, cut = total(TEXT), total(tasks.cropped(TEXT, (3, 6)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), whole, cut)


def test_grouping_by_length_changes_the_order_and_cropping_nothing():
    columns = {"tokens": TOKENS, "label": LABEL}
    options = {"key": jax.random.key(0), "batch_size": 8, "epochs": 3}
    by_length = batches.by_length(LENGTHS, pool=2)
    ways = (TEXT, tasks.cropped(TEXT, (3, 6)))
    whole, cut = (fit(way, optax.sgd(0.5), columns, order=by_length, **options) for way in ways)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        whole.params,
        cut.params,
    )
    losses = [[row["train/loss"] for row in done.history] for done in (whole, cut)]
    np.testing.assert_allclose(*losses, rtol=1e-5)


def documents():
    """The role of a sentence is told by its first token, and that of every third by its place."""
    random = np.random.default_rng(1)
    count = random.integers(1, 6, 60)
    tokens = random.integers(1, 4, (60, 5, 2))
    real = np.arange(5)[None] < count[:, None]
    label = np.where(real, tokens[..., 0] - 1, -1)
    return {
        "tokens": np.where(real[..., None], tokens, 0).astype(np.int32),
        "label": label.astype(np.int32),
        "group": np.arange(60).astype(np.int32) + 900,
    }


@pytest.mark.slow
@pytest.mark.parametrize(("context", "chained"), [(True, True), (False, False)])
def test_sequence_labelling_learns_and_is_measured_by_position(context, chained):
    columns = documents()
    network = SentenceTagger(
        3, RecurrentEncoder(5, 8, (8,)), units=8, context=context, chained=chained, dropout=0.0
    )
    task = tasks.sequence_labelling(network, classes=3, inputs=inputs.tokens)
    done = fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=16, epochs=25,
        validation=columns,
    )  # fmt: skip
    outputs = predict(task, done.params, done.model_state, columns)
    real = columns["label"] >= 0
    np.testing.assert_allclose(outputs["probabilities"].sum(-1), real, atol=1e-5)
    assert (outputs["path"][~real] == -1).all()
    label, best = columns["label"][real], outputs["probabilities"].argmax(-1)[real]
    assert accuracy_score(label, outputs["path"][real]) > 0.95
    found = measure(task, done.params, done.model_state, columns)
    assert found["accuracy"] == pytest.approx(accuracy_score(label, best))
    assert found["f1_weighted"] == pytest.approx(f1_score(label, best, average="weighted"))
    result = evaluate(task, done.params, done.model_state, columns, resamples=20)
    assert result.predictions["label"].tolist() == label.tolist()
    assert result.predictions["group"].tolist() == (900 + np.nonzero(real)[0]).tolist()
    assert result.predictions["probabilities"].shape == (len(label), 3)


def test_the_loss_is_that_of_the_field_and_padding_counts_for_nothing():
    columns = documents()
    task = tasks.sequence_labelling(
        SentenceTagger(3, RecurrentEncoder(5, 8, (8,)), units=8, dropout=0.0),
        classes=3,
        inputs=inputs.tokens,
    )
    batch = jax.tree.map(jax.numpy.asarray, batches.take(columns, np.arange(10)))
    params, state = task.init(jax.random.key(0), batch)
    noisy = jax.tree.map(lambda w: w + 0.3, params)
    longer = {
        **batch,
        "tokens": jax.numpy.pad(batch["tokens"], ((0, 0), (0, 4), (0, 0))),
        "label": jax.numpy.pad(batch["label"], ((0, 0), (0, 4)), constant_values=-1),
    }
    network = SentenceTagger(
        3,
        RecurrentEncoder(5, 8, (8,), dropout=0.0, recurrent_dropout=0.0),
        units=8,
        dropout=0.0,
    )
    plain = tasks.sequence_labelling(network, classes=3, inputs=inputs.tokens)
    key = jax.random.key(1)
    loss = jax.jit(plain.loss)
    ours, theirs = (loss(noisy, state, b, key)[0] for b in (batch, longer))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    emissions, chain, real = network.apply({"params": noisy}, batch["tokens"])
    wanted = crf.negative_log_likelihood(emissions, crf.Chain(*chain), batch["label"], real)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)


def test_documents_are_cropped_with_their_labels():
    columns = documents()
    encoder = RecurrentEncoder(5, 8, (8,), dropout=0.0, recurrent_dropout=0.0)
    network = SentenceTagger(3, encoder, units=8, dropout=0.0)
    task = tasks.sequence_labelling(network, classes=3, inputs=inputs.tokens)
    cut = tasks.cropped(task, (2, 3), keys=("tokens", "label"))
    short = np.flatnonzero((columns["label"] >= 0).sum(1) <= 2)
    batch = jax.tree.map(jax.numpy.asarray, batches.take(columns, short))
    params, state = task.init(jax.random.key(0), batch)
    key = jax.random.key(1)
    losses = [jax.jit(each.loss) for each in (cut, task)]
    ours, theirs = (loss(params, state, batch, key)[0] for loss in losses)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_labels_of_positions_are_checked():
    columns = documents()
    network = SentenceTagger(3, RecurrentEncoder(5, 4, (4,)), units=4)
    task = tasks.sequence_labelling(network, classes=3, inputs=inputs.tokens)
    options = {"key": jax.random.key(0), "batch_size": 16, "epochs": 1}
    wrong = columns["label"].copy()
    wrong[7, 0] = 3
    with pytest.raises(ValueError, match="train has the label 3 in row 7, outside the classes"):
        fit(task, optax.sgd(0.1), {**columns, "label": wrong}, **options)
    missing = np.where(columns["label"] == 2, 1, columns["label"])
    with pytest.raises(ValueError, match="train has no example of class 2"):
        fit(task, optax.sgd(0.1), {**columns, "label": missing}, **options)


def test_a_threshold_becomes_one_half_and_the_order_stays():
    batch = {"tokens": jax.numpy.asarray(TOKENS), "label": LABEL}
    params, state = TEXT.init(jax.random.key(0), batch)
    before = np.asarray(TEXT.predict(params, state, batch)["probabilities"], np.float64)
    limit = float(np.median(before[:, 1]))
    after = np.asarray(tasks.decided(TEXT, limit).predict(params, state, batch)["probabilities"])
    np.testing.assert_allclose(after.sum(1), 1, rtol=1e-6)
    odds = before[:, 1] / before[:, 0] * (1 - limit) / limit
    np.testing.assert_allclose(after[:, 1], odds / (1 + odds), rtol=1e-5)
    clear = abs(before[:, 1] - limit) > 1e-6
    assert ((after[:, 1] > 0.5) == (before[:, 1] > limit))[clear].all()
    with pytest.raises(ValueError, match=r"threshold is 1, but must lie in \(0, 1\)"):
        tasks.decided(TEXT, 1)
