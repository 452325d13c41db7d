"""The published protocol, with its definitions written out once more with scikit-learn."""

from __future__ import annotations

import csv
import importlib
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.svm import SVC

import jaxmed.evaluation
from jaxmed import models
from jaxmed.data import catalogue, source
from jaxmed.experiment import results

RNG = np.random.default_rng(0)
ROWS = {"train": 24, "validation": 20, "test": 16}


@pytest.fixture
def script():
    """The experiment."""
    return importlib.import_module("experiments.images.medmnist_protocol")


def columns(name, split):
    """Noise of 8 pixels a side; no other split has as many rows, or labels in this order."""
    facts = catalogue.entry(name)
    random = np.random.default_rng(ROWS[split])
    space = (8,) * (len(facts.shape) - 1)
    return {
        "image": random.integers(0, 256, (ROWS[split], *space, facts.shape[-1]), np.uint8),
        "label": random.permutation(np.arange(ROWS[split]) % len(facts.classes)).astype(np.int32),
    }


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
def test_auc_and_acc_are_the_publishers(script, label, columns):
    scores = RNG.random((90, columns))
    if label.ndim == 1:
        scores /= scores.sum(1, keepdims=True)
    np.testing.assert_allclose(script.auc_and_acc(label, scores), published(label, scores))


def test_the_learning_rate_falls_at_half_and_three_quarters(script):
    schedule = script.falling(1e-3, epochs=100, steps=37)
    steps = (0, 50 * 37 - 1, 50 * 37, 75 * 37 - 1, 75 * 37, 100 * 37)
    expected = [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]
    np.testing.assert_allclose([schedule(step) for step in steps], expected, rtol=1e-6)
    once = script.falling(1e-3, epochs=1, steps=5)
    np.testing.assert_allclose([once(step) for step in range(5)], 1e-3, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "channels", "lowest", "highest"),
    [
        ("breastmnist", 3, -1, 1),
        ("chestmnist", 3, -1, 1),
        ("bloodmnist", 3, -1, 1),
        ("organmnist3d", 1, 0, 1),
        ("adrenalmnist3d", 1, 0, 0.5),
        ("vesselmnist3d", 1, 0, 0.5),
    ],
)
def test_what_each_kind_of_set_is_read_as(script, monkeypatch, name, channels, lowest, highest):
    seen = []

    class Network:
        def init(self, rngs, x, **options):
            return {"params": {}}

        def apply(self, variables, x, **options):
            seen.append(np.asarray(x))
            logits = jnp.zeros((len(x), outputs))
            return (logits, {}) if options["train"] else logits

    facts = catalogue.entry(name)
    outputs = len(facts.classes)
    monkeypatch.setitem(script.NETWORKS, 18, lambda classes, widths: Network())
    task = script.protocol(facts, layers=18, quick=True)
    image = np.zeros((200, *(2,) * (len(facts.shape) - 1), facts.shape[-1]), np.uint8)
    image[:, 1] = 255
    several = facts.task == "multilabel"
    label = np.zeros((200, outputs) if several else 200, np.int32)
    batch = {"image": jnp.asarray(image), "label": jnp.asarray(label), "mask": jnp.ones(200)}
    assert task.predict({}, {}, batch)["probabilities"].shape == (200, outputs)
    task.loss({}, {}, batch, jax.random.key(0))
    evaluated, trained = seen
    assert evaluated.shape == (*image.shape[:-1], channels)
    np.testing.assert_allclose(evaluated[:, 0], lowest)
    np.testing.assert_allclose(evaluated[:, 1], highest)
    if highest == 0.5:  # a shape: another number from 0 to 1 for every volume
        np.testing.assert_allclose(trained[:, 0], 0)
        drawn = trained[:, 1, 0, 0, 0]
        np.testing.assert_allclose(
            trained[:, 1], np.broadcast_to(drawn[:, None, None, None], trained[:, 1].shape)
        )
        assert len(set(drawn.tolist())) > 190
        assert 0 <= drawn.min() < 0.05
        assert 0.95 < drawn.max() <= 1
    else:
        np.testing.assert_array_equal(trained, evaluated)


@pytest.mark.parametrize(
    ("name", "layers", "quick"), [("synapsemnist3d", 18, True), ("chestmnist", 50, False)]
)
def test_volumes_and_findings_have_a_network_of_their_own(script, name, layers, quick):
    facts = catalogue.entry(name)
    task = script.protocol(facts, layers=layers, quick=quick)
    batch = {"image": np.zeros((2, *facts.shape), np.uint8)}
    params, state = jax.eval_shape(task.init, jax.random.key(0), batch, {})
    kernel = params["encoder"]["stem_conv"]["kernel"].shape
    channels = (1,) if name.endswith("3d") else (3,)
    assert kernel == (3,) * (len(facts.shape) - 1) + channels + ((16,) if quick else (64,))
    found = jax.eval_shape(task.predict, params, state, batch)
    assert found["probabilities"].shape == (2, len(facts.classes))


@pytest.mark.parametrize("name", ["pneumoniamnist_64", "mnist", "ohsumed"])
def test_other_sets_are_refused_before_they_are_opened(script, monkeypatch, name):
    monkeypatch.setattr(catalogue, "load", None)
    with pytest.raises(ValueError, match=f"dataset is '{name}', but the protocol is about"):
        script.experiment(script.Settings(dataset=name))


def test_a_score_file_appears_whole_or_not_at_all(script, monkeypatch, tmp_path):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        script.write_scores(
            tmp_path, "breastmnist_test", {"label": np.array([0, 1])}, np.eye(2), "model1"
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["breastmnist"])
def test_a_quick_run_writes_the_publishers_files(script, monkeypatch, tmp_path, name, capsys):
    def load(name, **places):
        classes = catalogue.entry(name).classes
        each = (source.from_arrays(columns(name, split), classes=classes) for split in ROWS)
        return catalogue.Splits(*each)

    predicted, predict = [], jaxmed.evaluation.predict

    def spy(model, data):
        predicted.append(len(data["label"]))
        return predict(model, data)

    monkeypatch.setattr(catalogue, "load", load)
    monkeypatch.setattr(jaxmed.evaluation, "predict", spy)
    shallow = {18: lambda outputs, widths: models.ResNet(outputs, (1,), widths[:1])}
    monkeypatch.setattr(script, "NETWORKS", shallow)
    settings = script.Settings(dataset=name, quick=True, epochs=10, batch_size=24, runs=tmp_path)
    summary = script.experiment(settings)
    assert predicted == [24, 20]  # of the test split the predictions that exist
    (folder,) = tmp_path.glob("*/*/seed-0")
    files = {path.name.split("_")[1]: path for path in folder.glob(f"{name}_*.csv")}
    assert set(files) == {"test", "train", "val"}
    for split, theirs in script.SPLITS.items():
        path = files[theirs]
        auc, acc = re.fullmatch(r".*\[AUC\](.*)_\[ACC\](.*)@model1.csv", path.name).groups()
        rows = np.array(list(csv.reader(path.read_text().splitlines())), float)
        assert rows[:, 0].tolist() == list(range(ROWS[split]))
        found = published(columns(name, split)["label"], rows[:, 1:])
        np.testing.assert_allclose([float(auc), float(acc)], found, atol=5.1e-4)
        if split == "test":
            np.testing.assert_allclose([summary[key].mean for key in ("auroc", "accuracy")], found)
    flat = {split: columns(name, split)["image"].reshape(ROWS[split], -1) / 255 for split in ROWS}
    machine = SVC(C=10).fit(flat["train"], columns(name, "train")["label"])
    label = columns(name, "test")["label"]
    auc = roc_auc_score(label, machine.decision_function(flat["test"]))
    acc = machine.score(flat["test"], label)
    shown = capsys.readouterr().out
    assert f"SVM on raw pixels: AUC {auc:.4f}, ACC {acc:.4f}" in shown
    assert "BreastMNIST, ResNet-18, `--quick`: a quarter of the width" in shown
    result = results.read_result(folder.parent / "result.json")
    assert result.metrics["SVM on raw pixels/auroc"].mean == pytest.approx(auc)
    assert result.metrics["auroc"].mean == pytest.approx(summary["auroc"].mean)
