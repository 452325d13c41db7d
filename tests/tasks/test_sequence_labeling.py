"""Tasks of sequences: learned, measured by position, deaf to padding."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from sklearn.metrics import accuracy_score, f1_score

from jaxmed.models import crf
from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.evaluation.evaluate import evaluate, measure, predict
from jaxmed.models import RecurrentEncoder, SentenceTagger
from jaxmed.training.fit import fit


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
    params, state = jax.jit(task.init)(jax.random.key(0), batch)
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
    emissions, chain, real = jax.jit(network.apply)({"params": noisy}, batch["tokens"])
    wanted = crf.negative_log_likelihood(emissions, crf.Chain(*chain), batch["label"], real)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)


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
