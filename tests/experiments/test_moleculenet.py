"""The experiment on MoleculeNet on made-up tables: each kind of question, and its baselines."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

import jaxmed as jm
from jaxmed.data import catalogue

moleculenet = importlib.import_module("experiments.molecules.moleculenet")
SMILES = [f"{'C' * length}{end}" for length in range(1, 9) for end in ("O", "N", "Cl", "c1ccccc1")]


def settings(tmp_path, **changes):
    small = {"members": 2, "width": 6, "message_steps": 2, "steps": 2, "forest": 5}
    return moleculenet.Settings(runs=tmp_path, **{**small, **changes})


def made_up(name):
    facts, rows = catalogue.entry(name), len(SMILES)
    number = np.arange(rows)
    if facts.task == "regression":
        label = (number % 7).astype(np.float32)
    elif facts.task == "binary":
        label = (number % 2).astype(np.int32)
    else:
        label = (number[:, None] + np.arange(len(facts.classes))[None]) % 2
        label = np.where(number[:, None] % 5 == 4, -1, label).astype(np.int32)
    return jm.data.from_arrays({"smiles": np.array(SMILES), "label": label, "id": number})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "recipe"), [("esol", "graph"), ("clintox", "graph and descriptors")]
)
def test_every_row_of_the_table_is_there(name, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(jm.data, "load", lambda *_, **__: (made_up(name),) * 3)
    found = moleculenet.experiment(settings(tmp_path, dataset=name, recipe=recipe))
    statistic = "rmse" if name == "esol" else "auroc"
    rows = (moleculenet.MEAN, moleculenet.FOREST, moleculenet.TREES)
    for row in (statistic, *(f"{row}/{statistic}" for row in rows)):
        assert np.isfinite(found[row].mean), row
    (result,) = tmp_path.rglob("result.json")
    assert "D-MPNN" in result.read_text()


def test_rows_of_the_table_are_those_of_known_labels(tmp_path):
    label = np.array([[0, 1], [1, -1], [1, 0], [0, 0]])
    predicted = np.array([[0.1, 0.9], [0.6, 0.0], [0.05, 0.3], [0.2, 0.4]])
    given = dataclasses.replace(settings(tmp_path), dataset="clintox")
    columns = moleculenet.read({"smiles": np.array(SMILES[:4]), "label": label, "id": np.arange(4)})
    found = moleculenet.rows_of_table(given, "a", columns, predicted)
    areas = [
        roc_auc_score(label[known, target], predicted[known, target])
        for target, known in enumerate((label >= 0).T)
    ]
    assert found["a/auroc"] == pytest.approx(np.mean(areas))


def test_descriptors_without_a_value_reach_the_trees_as_numbers():
    columns = moleculenet.read(
        {"smiles": np.array(["[Na+].[Cl-]"]), "label": np.zeros(1), "id": np.zeros(1, int)}
    )
    assert np.isfinite(moleculenet.vectors(columns, fingerprint=False)).all()
    assert moleculenet.vectors(columns, fingerprint=True).shape[1] > 2048
