"""Metrics of a run's `predictions.csv`, computed by scikit-learn, and its `result.json`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from jaxmed.experiment import results


def metrics_of(folder: Path) -> dict[str, float]:
    """Accuracy, AUROC and weighted F1 of the predictions in the folder of a seed."""
    label, probabilities = read(folder)
    threshold = thresholds(folder)
    predicted = probabilities.argmax(1)
    if threshold is not None:
        predicted = (probabilities[:, 1] >= threshold).astype(int)
    scores = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities
    return {
        "accuracy": accuracy_score(label, predicted),
        "auroc": roc_auc_score(label, scores, multi_class="ovr"),
        "f1_weighted": f1_score(label, predicted, average="weighted"),
    }


def thresholds(folder: Path) -> np.ndarray | None:
    """From which probability the second class is chosen [rows], where a model has a threshold."""
    rows = csv.DictReader((folder / "predictions.csv").read_text().splitlines())
    found = [float(row["threshold"]) for row in rows if "threshold" in row]
    return np.array(found) if found else None


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels [rows] and probabilities [rows, classes]."""
    rows = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    shares = [
        [float(value) for name, value in row.items() if name.startswith("probabilities_")]
        for row in rows
    ]
    return np.array([int(row["label"]) for row in rows]), np.array(shares)


def expect_result(root: Path) -> results.Result:
    """The result of a run whose metrics are those of the predictions of its seeds."""
    result = results.read_result(root / "result.json")
    folders = [root / f"seed-{seed}" for seed in result.seeds]
    assert sorted(folders) == sorted(root.glob("seed-*"))
    found = [metrics_of(folder) for folder in folders]
    for name in found[0]:
        wanted = [metrics[name] for metrics in found]
        # Statistics of jaxmed are sums in another order than those of scikit-learn.
        assert result.metrics[name].values == pytest.approx(wanted, abs=1e-6), name
        assert result.metrics[name].mean == pytest.approx(np.mean(wanted), abs=1e-6), name
    return result


def expect_run(root: Path, *, rows: int, trained: bool = True) -> results.Result:
    """The folders of the seeds are whole, and `result.json` agrees with their predictions."""
    result = expect_result(root)
    names = {"config.json", "environment.json", "metrics.jsonl", "report.html", "plots"}
    names |= {"model", "checkpoints"} if trained else set()
    for seed in result.seeds:
        folder = root / f"seed-{seed}"
        assert names <= {path.name for path in folder.iterdir()}
        assert len(read(folder)[0]) == rows
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        assert lines
        assert all(np.isfinite(json.loads(line)["train/loss"]) for line in lines)
    return result
