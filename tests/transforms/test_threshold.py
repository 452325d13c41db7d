"""A threshold that becomes one half: decisions, answers, files."""

from __future__ import annotations

import csv
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics as reference
from tasks.kinds import FEATURES, KINDS, untrained

from jaxmed.deploy import answers, export, load
from jaxmed.evaluation import evaluate, predict
from jaxmed.runs import checkpoint
from jaxmed.tasks import Model
from jaxmed.transforms import with_threshold

MODEL = untrained("binary")
COLUMNS = KINDS["binary"].columns
P = predict(MODEL, COLUMNS)["probabilities"][:, 1]
T = float(np.median(P))


def test_the_threshold_becomes_one_half_by_the_formula():
    after = predict(with_threshold(MODEL, T), COLUMNS)["probabilities"].astype(np.float64)
    p = P.astype(np.float64)
    np.testing.assert_allclose(after[:, 1], p * (1 - T) / (p * (1 - T) + (1 - p) * T), rtol=1e-5)
    np.testing.assert_allclose(after.sum(1), 1, rtol=1e-6)


def plain(probabilities):
    """A model that predicts these probabilities of the positive class."""
    p = jnp.float32(probabilities)
    outputs = {"probabilities": jnp.stack([1 - p, p], axis=1)}
    task = dataclasses.replace(MODEL.task, predict=lambda params, state, batch: outputs)
    return Model(task, {}, {})


@pytest.mark.parametrize("threshold", [0.001, 0.1, 0.3, 0.5, 0.7, 0.999])
def test_decisions_are_p_at_least_t_also_where_rounding_could_turn_them(threshold):
    t = np.float32(threshold)
    around = t * (1 + np.arange(-40, 41) * np.float32(6e-8))
    p = np.clip(np.concatenate([around, np.linspace(0, 1, 101)]).astype(np.float32), 0, 1)
    outputs = with_threshold(plain(p), threshold).predict({})
    assert (p == t).any()
    after = np.asarray(outputs["probabilities"])
    np.testing.assert_array_equal(after.argmax(1), p >= t)
    np.testing.assert_array_equal(after[:, 1] > 0.5, p >= t)
    assert (np.diff(after[np.argsort(p, kind="stable"), 1]) >= -1e-7).all()  # the order stays


def test_statistics_are_those_of_the_decisions():
    found = evaluate(with_threshold(MODEL, T), COLUMNS, resamples=5).metrics
    label, decided = COLUMNS["label"], np.float32(T) <= P
    assert found["accuracy"].value == pytest.approx(reference.accuracy_score(label, decided))
    assert found["f1"].value == pytest.approx(reference.f1_score(label, decided))
    assert found["sensitivity"].value == pytest.approx(reference.recall_score(label, decided))
    before = evaluate(MODEL, COLUMNS, resamples=5).metrics
    assert found["auroc"].value == pytest.approx(before["auroc"].value)
    assert found["sensitivity"].value != before["sensitivity"].value


def test_the_answer_has_the_probability_before():
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
        np.testing.assert_allclose(
            found["probabilities"][number], model.predict(batch)["probabilities"], rtol=1e-6
        )


def test_the_threshold_is_saved_with_the_model(tmp_path):
    model = with_threshold(MODEL, T)
    checkpoint.save(tmp_path / "kept", 0, (model.params, model.state), {})
    like = (model.params, with_threshold(MODEL, 0.5).state)
    (params, state), _ = checkpoint.restore(tmp_path / "kept", like)
    again = Model(model.task, params, state)
    np.testing.assert_array_equal(
        predict(again, COLUMNS)["probabilities"], predict(model, COLUMNS)["probabilities"]
    )


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
    assert head == ["id", "label", "probabilities_healthy", "probabilities_ill"]


@pytest.mark.parametrize("threshold", [0, 1, -0.1, float("nan")])
def test_a_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(ValueError, match=r"threshold is .*, but must lie in \(0, 1\)"):
        with_threshold(MODEL, threshold)


@pytest.mark.parametrize("name", ["multiclass", "sequence labeling"])
def test_only_two_classes_have_a_threshold(name):
    with pytest.raises(ValueError, match=r"a threshold decides between two classes \[batch, 2\]"):
        predict(with_threshold(untrained(name), 0.5), KINDS[name].columns)
