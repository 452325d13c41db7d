"""Sequence labeling: learned, measured by position, and independent of padding."""

from __future__ import annotations

import jax
import numpy as np
import optax
import pytest
from sklearn.metrics import accuracy_score, f1_score
from tasks.kinds import KINDS, ROWS, untrained

from jaxmed import tasks
from jaxmed.data import batches, inputs
from jaxmed.evaluation import compute_metrics, evaluate, predict
from jaxmed.metrics.streaming import mean_of
from jaxmed.models import RecurrentEncoder, SentenceTagger, crf
from jaxmed.training import Run, Validation, fit

QUIET = Run(progress=False)


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
def test_sequence_labeling_learns_and_is_measured_by_position(context, chained):
    columns = documents()
    network = SentenceTagger(
        3, RecurrentEncoder(5, 8, (8,)), units=8, context=context, chained=chained, dropout=0.0
    )
    task = tasks.sequence_labeling(network, classes=3, inputs=inputs.tokens)
    model = fit(
        task, optax.adam(0.02), columns, key=jax.random.key(0), batch_size=16, epochs=25,
        validation=Validation(columns), run=QUIET,
    ).model  # fmt: skip
    outputs = predict(model, columns)
    real = columns["label"] >= 0
    np.testing.assert_allclose(outputs["probabilities"].sum(-1), real, atol=1e-5)
    assert (outputs["path"][~real] == -1).all()
    label, best = columns["label"][real], outputs["probabilities"].argmax(-1)[real]
    assert accuracy_score(label, outputs["path"][real]) > 0.95
    found = compute_metrics(model, columns)
    assert found["accuracy"] == pytest.approx(accuracy_score(label, best))
    assert found["f1_weighted"] == pytest.approx(f1_score(label, best, average="weighted"))
    result = evaluate(model, columns, resamples=20)
    assert result.predictions["label"].tolist() == label.tolist()
    assert result.predictions["group"].tolist() == (900 + np.nonzero(real)[0]).tolist()
    assert result.predictions["probabilities"].shape == (len(label), 3)


@pytest.mark.parametrize("grouped", [True, False])
def test_positions_keep_their_group_and_number_over_several_batches(grouped):
    model, columns = untrained("sequence labeling"), dict(KINDS["sequence labeling"].columns)
    patient = np.arange(ROWS) // 2
    if grouped:
        columns["group"] = patient
    owner = np.nonzero(columns["label"] >= 0)[0]
    expected = patient[owner] if grouped else owner
    whole = evaluate(model, columns, resamples=20)
    for batch_size in (1, 5, 16):
        found = evaluate(model, columns, batch_size=batch_size, resamples=20)
        assert found.predictions["group"].tolist() == expected.tolist()
        assert found.predictions["id"].tolist() == list(range(len(owner)))
        for name, interval in found.metrics.items():
            np.testing.assert_allclose(interval, whole.metrics[name], rtol=1e-5, atol=1e-6)


def test_identifiers_of_positions_are_kept():
    model, columns = untrained("sequence labeling"), dict(KINDS["sequence labeling"].columns)
    columns["id"] = np.arange(columns["label"].size).reshape(columns["label"].shape) + 1000
    found = evaluate(model, columns, batch_size=5, resamples=2)
    assert found.predictions["id"].tolist() == columns["id"][columns["label"] >= 0].tolist()


def test_the_loss_is_that_of_the_chain_and_padding_counts_for_nothing():
    columns = documents()
    network = SentenceTagger(
        3,
        RecurrentEncoder(5, 8, (8,), dropout=0.0, recurrent_dropout=0.0),
        units=8,
        dropout=0.0,
    )
    task = tasks.sequence_labeling(network, classes=3, inputs=inputs.tokens)
    batch = jax.tree.map(jax.numpy.asarray, batches.take(columns, np.arange(10)))
    params, state = jax.jit(task.init)(jax.random.key(0), batch, {})
    noisy = jax.tree.map(lambda w: w + 0.3, params)
    longer = {
        **batch,
        "tokens": jax.numpy.pad(batch["tokens"], ((0, 0), (0, 4), (0, 0))),
        "label": jax.numpy.pad(batch["label"], ((0, 0), (0, 4)), constant_values=-1),
    }
    loss = jax.jit(task.loss)
    ours, theirs = (loss(noisy, state, b, jax.random.key(1))[0] for b in (batch, longer))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    emissions, chain, real = jax.jit(network.apply)({"params": noisy}, batch["tokens"])
    wanted = crf.negative_log_likelihood(emissions, crf.Chain(*chain), batch["label"], real)
    np.testing.assert_allclose(ours, wanted, rtol=1e-5)


def test_labels_of_positions_are_checked():
    columns = documents()
    task = KINDS["sequence labeling"].task
    options = {"key": jax.random.key(0), "batch_size": 16, "epochs": 1, "run": QUIET}
    wrong = columns["label"].copy()
    wrong[7, 0] = 3
    with pytest.raises(ValueError, match="train has the label 3 in row 7, outside the classes"):
        fit(task, optax.sgd(0.1), {**columns, "label": wrong}, **options)
    missing = np.where(columns["label"] == 2, 1, columns["label"])
    with pytest.raises(ValueError, match="train has no example of class 2"):
        fit(task, optax.sgd(0.1), {**columns, "label": missing}, **options)


def test_metrics_of_the_user_are_those_of_the_task():
    own = {"own": mean_of("probabilities")}
    network = SentenceTagger(3, RecurrentEncoder(5, 4, (4,)), units=4)
    task = tasks.sequence_labeling(network, classes=3, inputs=inputs.tokens, metrics=own)
    assert task.metrics == own
