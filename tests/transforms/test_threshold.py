"""A threshold that becomes one half: decisions, answers, files."""

from __future__ import annotations

import csv
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as reference
from sklearn.linear_model import LogisticRegression
from tasks.kinds import FEATURES, KINDS, untrained

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import evaluate, predict
from jaxmed.models import MLP
from jaxmed.runs import checkpoint
from jaxmed.tasks import Model
from jaxmed.transforms import with_threshold

MODEL = untrained("binary")
COLUMNS = KINDS["binary"].columns
P = predict(MODEL, COLUMNS)["probabilities"][:, 1]
T = float(np.median(P))


def plain(probabilities):
    """A model that predicts these probabilities of the positive class."""
    p = jnp.float32(probabilities)
    outputs = {"probabilities": jnp.stack([1 - p, p], axis=1)}
    task = dataclasses.replace(MODEL.task, predict=lambda params, state, batch: outputs)
    return Model(task, {}, {})


@pytest.mark.parametrize("threshold", [0.001, 0.1, 0.3, 0.5, 0.7, 0.999])
def test_decisions_are_p_at_least_t_also_for_neighbors_of_t(threshold):
    t = np.float32(threshold)
    around = t * (1 + np.arange(-40, 41) * np.float32(6e-8))
    p = np.clip(np.concatenate([around, np.linspace(0, 1, 101)]).astype(np.float32), 0, 1)
    assert (p == t).any()
    model = with_threshold(plain(p), threshold)
    outputs = model.predict({})
    np.testing.assert_array_equal(np.asarray(outputs["probabilities"])[:, 1], p)
    np.testing.assert_array_equal(model.task.judge.answer(outputs)["class"], p >= t)
    table = model.task.judge.table(
        {"label": (p >= t).astype(int)}, jax.tree.map(np.asarray, outputs)
    )
    assert model.task.judge.statistics["accuracy"](table, None) == 1


OF_DECISIONS = {
    "accuracy": reference.accuracy_score,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "sensitivity": reference.recall_score,
    "specificity": lambda label, decided: reference.recall_score(1 - label, ~decided),
    "precision": reference.precision_score,
    "f1": reference.f1_score,
    "f1_macro": lambda label, decided: reference.f1_score(label, decided, average="macro"),
    "f1_weighted": lambda label, decided: reference.f1_score(label, decided, average="weighted"),
    "matthews_correlation": reference.matthews_corrcoef,
    "cohen_kappa": reference.cohen_kappa_score,
}


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_decisions_use_the_threshold_and_probabilities_are_measured_as_they_are(quantile):
    threshold = float(np.quantile(P, quantile, method="nearest"))
    found = evaluate(with_threshold(MODEL, threshold), COLUMNS, resamples=20)
    before = evaluate(MODEL, COLUMNS, resamples=20)
    label, decided = COLUMNS["label"], np.float32(threshold) <= P
    for name, (value, low, high) in found.metrics.items():
        if name in OF_DECISIONS:
            assert value == pytest.approx(OF_DECISIONS[name](label, decided)), name
            assert low <= high
        else:
            np.testing.assert_array_equal((value, low, high), before.metrics[name])
    assert {*found.metrics} - {*OF_DECISIONS} == {"auroc", "average_precision", "brier", "log_loss"}
    np.testing.assert_array_equal(
        found.predictions["probabilities"], before.predictions["probabilities"]
    )
    assert calibration_slope(found) == calibration_slope(before)


def calibration_slope(evaluation):
    """Of the logistic regression of the label on the predicted log odds, by scikit-learn."""
    p = evaluation.predictions["probabilities"][:, 1].astype(np.float64)
    model = LogisticRegression(C=np.inf).fit(np.log(p / (1 - p))[:, None], COLUMNS["label"])
    return model.coef_[0, 0]


def test_the_threshold_stands_in_tables_and_pages(tmp_path):
    found = evaluate(with_threshold(MODEL, 0.40625), COLUMNS, resamples=2)
    sentence = "Threshold: ill is decided where its probability is at least 0.40625."
    assert str(found).splitlines()[1].strip() == sentence
    assert sentence in found._repr_html_()
    page = found.report(tmp_path, environment={}).read_text(encoding="utf-8")
    assert f"<p>{sentence}</p>" in page
    assert f"Confusion matrix. {sentence}" in page
    assert "hreshold:" not in str(evaluate(MODEL, COLUMNS, resamples=2))


def test_the_confusion_matrix_is_that_of_the_decisions():
    model = with_threshold(MODEL, T)
    table = evaluate(model, COLUMNS, resamples=2).predictions
    drawn = {name: figure for name, figure, _ in model.task.judge.figures(table)}
    words = [text.get_text() for text in drawn["confusion_matrix"].axes[0].texts]
    counts = reference.confusion_matrix(COLUMNS["label"], np.float32(T) <= P)
    assert [int(text.split("\n")[0]) for text in words] == counts.ravel().tolist()


def test_a_second_threshold_replaces_the_first():
    twice = with_threshold(with_threshold(MODEL, 0.01), T)
    found, once = (
        evaluate(model, COLUMNS, resamples=2) for model in (twice, with_threshold(MODEL, T))
    )
    assert found.metrics == once.metrics


def test_the_answer_is_the_decided_class_and_its_probability():
    model = with_threshold(MODEL, T)
    said = model.task.judge.answer(model.predict({"features": jnp.asarray(FEATURES)}))
    positive = np.float32(T) <= P
    np.testing.assert_array_equal(said["class"], positive)
    np.testing.assert_allclose(said["probability"], np.where(positive, P, 1 - P), rtol=1e-5)


def test_the_threshold_is_a_leaf_that_can_be_stacked_and_mapped():
    both = [with_threshold(MODEL, t) for t in (0.2, 0.8)]
    leaves = [leaf for leaf in jax.tree.leaves(both[0]) if np.shape(leaf) == ()]
    assert [float(leaf) for leaf in leaves] == [np.float32(0.2)]
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(model.state for model in both))
    batch = {"features": jnp.asarray(FEATURES)}
    task = both[0].task
    found = jax.vmap(task.predict, (None, 0, None))(MODEL.params, states, batch)
    for number, model in enumerate(both):
        np.testing.assert_array_equal(found["threshold"][number], model.predict(batch)["threshold"])


def test_the_threshold_is_saved_with_the_model(tmp_path):
    model = with_threshold(MODEL, T)
    checkpoint.save(tmp_path / "kept", 0, (model.params, model.state), {})
    like = (model.params, with_threshold(MODEL, 0.5).state)
    (params, state), _ = checkpoint.restore(tmp_path / "kept", like)
    again = Model(model.task, params, state)
    np.testing.assert_array_equal(predict(again, COLUMNS)["threshold"], np.float32(T))


def test_the_threshold_is_exported_with_the_model(tmp_path):
    model = with_threshold(MODEL, T)
    export(model, tmp_path, COLUMNS)
    said = answers(load(tmp_path), {"features": FEATURES})
    positive = np.float32(T) <= P
    assert said["class"].tolist() == np.where(positive, "ill", "healthy").tolist()
    np.testing.assert_allclose(said["probability"], np.where(positive, P, 1 - P), rtol=1e-5)


def test_it_goes_on_learning_as_before():
    model = with_threshold(MODEL, T)
    batch = {**COLUMNS, "mask": np.ones(len(FEATURES), np.float32)}
    batch = jax.tree.map(jnp.asarray, batch)
    found, (state, _) = model.task.loss(model.params, model.state, batch, jax.random.key(0))
    wanted, _ = MODEL.task.loss(MODEL.params, MODEL.state, batch, jax.random.key(0))
    np.testing.assert_array_equal(found, wanted)
    assert float(state["threshold"]) == np.float32(T)
    _, first = model.task.init(jax.random.key(0), batch, MODEL.task.constants(COLUMNS))
    assert jax.tree.structure(first) == jax.tree.structure(model.state)


def test_predictions_are_written_with_class_names(tmp_path):
    evaluate(with_threshold(MODEL, T), COLUMNS, resamples=2).report(tmp_path, environment={})
    with (tmp_path / "predictions.csv").open(newline="", encoding="utf-8") as file:
        head = next(csv.reader(file))
    assert head == ["id", "label", "probabilities_healthy", "probabilities_ill", "threshold"]


@pytest.mark.parametrize("threshold", [0, 1, -0.1, float("nan")])
def test_a_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(ValueError, match=r"threshold is .*, but must lie in \(0, 1\)"):
        with_threshold(MODEL, threshold)


def two_findings():
    """As many columns of probabilities as a binary task, but two questions."""
    task = tasks.multilabel_classification(MLP((2,), 2), inputs=inputs.features())
    return Model(task, {}, {})


@pytest.mark.parametrize("name", ["multiclass", "multilabel", "regression", "sequence labeling"])
def test_only_one_answer_out_of_two_has_a_threshold(name):
    for model in (untrained(name), two_findings()):
        with pytest.raises(ValueError, match=r"threshold is 0.5, but only .* two classes decides"):
            with_threshold(model, 0.5)


def test_two_grades_have_a_threshold():
    task = tasks.ordinal_classification(MLP((2,), 1), classes=2, inputs=inputs.features())
    model = with_threshold(Model(task, {}, {}), 0.5)
    assert "quadratic_kappa" in model.task.judge.statistics
