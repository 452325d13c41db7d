"""The recipe of tables beside boosted trees, on the table that comes with scikit-learn."""

from __future__ import annotations

import importlib

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from jaxmed.experiment import results

tables = importlib.import_module("experiments.start.tables")


@pytest.mark.slow
def test_recipe_and_trees_are_compared_on_the_same_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "GRID", ({"max_iter": 2}, {"max_iter": 3}))
    settings = tables.Settings(
        members=1, epochs=1, seeds=(3,), runs=tmp_path / "runs", data_dir=tmp_path / "data"
    )
    summary = tables.experiment(settings)
    (written,) = (tmp_path / "runs").rglob("result.json")
    result = results.read_result(written)
    assert result.sizes == results.Sizes("test", 114, 341)
    found = pd.read_csv(written.parent / "seed-3" / "predictions.csv")
    auroc = roc_auc_score(found["label"], found["probabilities_malignant"])
    assert summary["auroc"].mean == pytest.approx(auroc, abs=1e-6)
    trees = summary["boosted trees/auroc"].mean
    assert trees > 0.9  # labels and rows belong together
    assert summary["gain"].mean == pytest.approx(auroc - trees, abs=1e-6)
