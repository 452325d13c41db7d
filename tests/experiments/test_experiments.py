"""Every experiment runs for a few steps: real diagnoses where they need no download, else noise."""

from __future__ import annotations

import csv
import importlib
import json

import numpy as np
import pytest

from jaxmed.data import catalogue, source

pytestmark = pytest.mark.slow


@pytest.fixture
def noise(monkeypatch):
    """Every data set is 40 images of noise, with as many classes as the real one."""

    def open_split(name, split, **places):
        facts = catalogue.entry(name)
        random = np.random.default_rng(len(split))
        label = (np.arange(40) % len(facts.classes)).astype(np.int32)
        image = random.integers(0, 256, (40, *facts.shape), np.uint8)
        return source.from_arrays({"image": image, "label": label}, classes=facts.classes)

    monkeypatch.setattr(catalogue, "open_split", open_split)


def experiment(name):
    return importlib.import_module(f"experiments.{name}")


def expect_run_directory(folder, rows):
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "environment.json", "metrics.jsonl", "report.html", "plots"} <= names
    assert len(predicted(folder)) == rows
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert all(np.isfinite(json.loads(line)["train/loss"]) for line in lines)
    assert lines


def test_breast_cancer_mlp(tmp_path):
    script = experiment("breast_cancer_mlp")
    settings = script.Settings(
        widths=(8,), epochs=3, folds=2, data_dir=tmp_path / "data", runs=tmp_path / "runs"
    )
    means = script.main(settings)
    assert 0 <= means["auroc"] <= 1
    (folder,) = (tmp_path / "runs").iterdir()
    expect_run_directory(folder, rows=569)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnist_mlp", {"recipe": "seed", "epochs": 1, "seeds": (0, 1)}),
        ("mnist_mlp", {"recipe": "best", "epochs": 1}),
        ("mnist_cnn", {"recipe": "seed", "epochs": 1}),
        ("mnist_cnn", {"recipe": "best", "epochs": 1}),
        ("medmnist_cnn", {"dataset": "breast", "steps": 2, "widths": (4, 4), "depths": (1, 1)}),
    ],
)
def test_image_experiments(noise, tmp_path, name, options, capsys):
    script = experiment(name)
    settings = script.Settings(**options, runs=tmp_path)
    summary = script.main(settings)
    folders = sorted(tmp_path.glob("*/*/seed-*"))
    assert len(folders) == len(settings.seeds)
    for folder in folders:
        expect_run_directory(folder, rows=40)
        assert (folder / "checkpoints" / "last").is_dir()
    accuracies = [
        np.mean([row["label"] == prediction(row) for row in predicted(folder)])
        for folder in folders
    ]
    assert summary["accuracy"][0] == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert "standard deviation over" in capsys.readouterr().out


def predicted(folder):
    """The rows of the file of predictions."""
    return list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))


def prediction(row):
    """The class with the highest probability, as the file has it."""
    shares = [float(value) for name, value in row.items() if name.startswith("probabilities_")]
    return str(int(np.argmax(shares)))
