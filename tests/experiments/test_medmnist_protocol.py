"""The published protocol, with its definitions written out once more with scikit-learn."""

from __future__ import annotations

import csv
import importlib
import re

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from jaxmed.data import catalogue, source

script = importlib.import_module("experiments.medmnist_protocol")
RNG = np.random.default_rng(0)


def published(label, scores):
    if label.ndim == 2:
        columns = range(label.shape[1])
        return (
            np.mean([roc_auc_score(label[:, k], scores[:, k]) for k in columns]),
            np.mean([accuracy_score(label[:, k], scores[:, k] > 0.5) for k in columns]),
        )
    if scores.shape[1] == 2:
        return roc_auc_score(label, scores[:, 1]), accuracy_score(label, scores[:, 1] > 0.5)
    classes = range(scores.shape[1])
    auc = np.mean([roc_auc_score(label == k, scores[:, k]) for k in classes])
    return auc, accuracy_score(label, scores.argmax(1))


@pytest.mark.parametrize(
    ("label", "columns"),
    [
        (RNG.integers(0, 2, 90), 2),
        (RNG.integers(0, 5, 90), 5),
        (RNG.integers(0, 2, (90, 3)).astype(np.float32), 3),
    ],
)
def test_auc_and_acc_are_the_publishers(label, columns):
    scores = RNG.random((90, columns))
    if label.ndim == 1:
        scores /= scores.sum(1, keepdims=True)
    np.testing.assert_allclose(script.auc_and_acc(label, scores), published(label, scores))


@pytest.mark.slow
def test_a_quick_run_writes_the_publishers_files(monkeypatch, tmp_path):
    name = "breastmnist"
    facts = catalogue.entry(name)

    def open_split(name, split, **places):
        random = np.random.default_rng(len(split))
        space = (8,) * (len(facts.shape) - 1)
        columns = {
            "image": random.integers(0, 256, (24, *space, facts.shape[-1]), np.uint8),
            "label": (np.arange(24) % len(facts.classes)).astype(np.int32),
        }
        return source.from_arrays(columns, classes=facts.classes)

    monkeypatch.setattr(catalogue, "open_split", open_split)
    settings = script.Settings(dataset=name, quick=True, epochs=10, batch_size=8, runs=tmp_path)
    script.main(settings)
    (folder,) = tmp_path.glob("*/*/seed-0")
    files = sorted(folder.glob(f"{name}_*.csv"))
    assert [path.name.split("_")[1] for path in files] == ["test", "train", "val"]
    for path in files:
        auc, acc = re.fullmatch(r".*\[AUC\](.*)_\[ACC\](.*)@model1.csv", path.name).groups()
        rows = np.array(list(csv.reader(path.read_text().splitlines())), float)
        assert rows[:, 0].tolist() == list(range(24))
        found = published(np.arange(24) % 2, rows[:, 1:])
        np.testing.assert_allclose([float(auc), float(acc)], found, atol=5.1e-4)
