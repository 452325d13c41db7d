"""The experiments that learn from images without labels, for a few steps on noise."""

from __future__ import annotations

import csv
import importlib

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

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


def read(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize("kind", ["plain", "denoising", "variational"])
def test_image_autoencoder(noise, tmp_path, kind, capsys):
    script = experiment("image_autoencoder")
    settings = script.Settings(
        kind=kind, widths=(16,), latent=4, steps=2, batch_size=20, runs=tmp_path
    )
    summary = script.main(settings)
    (folder,) = tmp_path.glob("*/*/*/seed-0")
    errors = read(folder / "errors.csv")
    assert summary["error"][0] == pytest.approx(np.mean([float(r["error"]) for r in errors]))
    assert summary["pca_error"][0] == pytest.approx(
        np.mean([float(r["pca_error"]) for r in errors])
    )
    assert (folder / "images.png").stat().st_size > 1000
    assert "below it" in capsys.readouterr().out
    assert ("elbo" in summary) == (kind == "variational")


def test_the_autoencoder_begins_as_the_principal_components(noise, tmp_path):
    script = experiment("image_autoencoder")
    settings = script.Settings(
        widths=(16,), latent=4, steps=1, learning_rate=1e-9, average=0.0, runs=tmp_path
    )
    summary = script.main(settings)
    assert summary["error"][0] == pytest.approx(summary["pca_error"][0], rel=1e-4)


def test_chest_anomaly(noise, tmp_path, capsys):
    script = experiment("chest_anomaly")
    settings = script.Settings(
        latent=4, widths=(8,), stages=(4, 6), steps=2, transformation_steps=2, runs=tmp_path
    )
    areas = script.main(settings)
    (folder,) = tmp_path.iterdir()
    rows = read(folder / "scores.csv")
    label = [int(row["label"]) for row in rows]
    for name, area in areas.items():
        score = [float(row[name]) for row in rows]
        assert area["test"] == pytest.approx(roc_auc_score(label, score))
    assert len(areas) == 12
    assert "highest on validation" in capsys.readouterr().out


@pytest.mark.parametrize("objective", ["views", "patches"])
def test_few_labels(noise, tmp_path, objective, capsys):
    script = experiment("few_labels")
    settings = script.Settings(
        objective=objective, seeds=(0, 1), shares=(0.1, 0.5), widths=(4, 6), depths=(1, 1),
        pretraining_steps=2, steps=2, batch_size=8, pretraining_batch=20, runs=tmp_path,
    )  # fmt: skip
    areas = script.main(settings)
    assert {name: found.shape for name, found in areas.items()} == {
        "from scratch": (2, 2),
        "pretrained": (2, 2),
    }
    (plot,) = tmp_path.glob("*/*/*/label_curve.png")
    assert plot.stat().st_size > 1000
    assert "gain" in capsys.readouterr().out


def test_labels_are_drawn_class_by_class_and_fewer_are_some_of_more():
    script = experiment("few_labels")
    label = np.array([0] * 30 + [1] * 70)
    train = {"image": np.zeros((100, 2, 2, 1), np.uint8), "label": label}
    few, more = (script.labelled(train, share, seed=3) for share in (0.1, 0.5))
    assert np.bincount(few["label"]).tolist() == [3, 7]
    assert set(few["row"]) <= set(more["row"])
    assert np.bincount(script.labelled(train, 0.001, seed=3)["label"]).tolist() == [2, 2]
    np.testing.assert_array_equal(label[more["row"]], more["label"])
