"""Statistics of each client against scikit-learn, and of those that are served worst."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import jaxmed as jm
from jaxmed.federated import ClientEvaluation, evaluate_clients
from jaxmed.tasks import Task

RANDOM = np.random.default_rng(0)
CLIENT = RANDOM.permutation(np.repeat(np.arange(4), [5, 9, 14, 12]))
LABEL = RANDOM.integers(0, 2, 40)
LABEL[CLIENT == 0] = 1
SCORE = np.clip(LABEL * 0.3 + RANDOM.random(40) * 0.7, 0.01, 0.99)
DATA = {"features": SCORE[:, None].astype(np.float32), "label": LABEL.astype(np.int32)}
JUDGE = jm.tasks.binary_classification(
    jm.models.MLP(widths=(), outputs=1), inputs=lambda batch: batch["features"]
).judge


def probabilities(params, model_state, batch):
    of_sick = batch["features"]
    return {"probabilities": jnp.concatenate([1 - of_sick, of_sick], axis=1)}


MODEL = jm.Model(Task(lambda *_: ({}, {}), lambda *_: None, probabilities, judge=JUDGE), {}, {})


def test_each_client_is_measured_on_its_own_rows():
    found = evaluate_clients(MODEL, DATA, CLIENT, names=("a", "b", "c", "d"))
    assert found.rows.tolist() == [5, 9, 14, 12]
    assert found.overall["auroc"] == pytest.approx(roc_auc_score(LABEL, SCORE))
    for number in range(4):
        own = number == CLIENT
        accuracy = accuracy_score(LABEL[own], SCORE[own] >= 0.5)
        assert found.clients["accuracy"][number] == pytest.approx(accuracy)
        if number:
            auroc = roc_auc_score(LABEL[own], SCORE[own])
            assert found.clients["auroc"][number] == pytest.approx(auroc)
    assert math.isnan(found.clients["auroc"][0])  # one class only
    assert "(1 undefined)" in str(found)
    assert found.worst_decile("auroc") == pytest.approx(np.nanmin(found.clients["auroc"]))


def test_the_worst_tenth_by_sorting():
    values = RANDOM.random(25)
    found = ClientEvaluation({"auroc": 0.5}, {"auroc": values}, np.ones(25, int), ("x",) * 25)
    ordered = sorted(values)
    assert found.worst_decile("auroc") == pytest.approx(sum(ordered[:3]) / 3)
    assert found.worst_decile("auroc", lowest=False) == pytest.approx(sum(ordered[-3:]) / 3)
    assert found.spread("auroc") == pytest.approx(np.sqrt(np.mean((values - values.mean()) ** 2)))


def test_nothing_defined_is_nothing_said():
    nowhere = np.full(3, np.nan)
    found = ClientEvaluation({"auroc": 0.5}, {"auroc": nowhere}, np.ones(3, int), ("x",) * 3)
    assert math.isnan(found.worst_decile("auroc"))
    assert math.isnan(found.spread("auroc"))
    with pytest.raises(ValueError, match="name is 'auc', which is unknown"):
        found.worst_decile("auc")


def test_names_and_rows_are_compared():
    with pytest.raises(ValueError, match="names has 2 names, but there are 4 clients"):
        evaluate_clients(MODEL, DATA, CLIENT, names=("a", "b"))
    with pytest.raises(ValueError, match="client has 39 rows, but data has 40"):
        evaluate_clients(MODEL, DATA, CLIENT[1:])
