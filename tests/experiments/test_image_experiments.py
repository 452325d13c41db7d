"""The experiments that learn from images without labels, for a few steps on noise."""

from __future__ import annotations

import csv
import importlib

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from jaxmed.experiment import seeds
from jaxmed.data import catalogue, source
from jaxmed.evaluation.evaluate import predict
from jaxmed.runs import record

pytestmark = pytest.mark.slow

ROWS = {"train": 24, "validation": 20, "test": 16, "train[:50000]": 24, "train[50000:]": 20}


def columns(name, split):
    """Noise of 8 x 8 pixels; no other split has as many rows, or labels in this order."""
    facts = catalogue.entry(name)
    rows = ROWS[split]
    random = np.random.default_rng(rows)
    image = random.integers(0, 256, (rows, 8, 8, facts.shape[-1]), np.uint8)
    label = random.permutation(np.arange(rows) % len(facts.classes)).astype(np.int32)
    return {"image": image, "label": label}


@pytest.fixture
def noise(monkeypatch):
    """Every data set is noise, with as many classes as the real one."""

    def open_split(name, split, **places):
        return source.from_arrays(columns(name, split), classes=catalogue.entry(name).classes)

    monkeypatch.setattr(catalogue, "open_split", open_split)


@pytest.fixture
def experiment():
    """Imports a script."""
    return lambda name: importlib.import_module(f"experiments.{name}")


@pytest.fixture
def fits(monkeypatch):
    """(script) -> a list, which gets what each of its calls of `fit` was given and gave."""

    def spied(script):
        calls, fit = [], script.fit

        def spy(task, optimizer, train, **options):
            calls.append((task, train, fit(task, optimizer, train, **options)))
            return calls[-1][-1]

        monkeypatch.setattr(script, "fit", spy)
        return calls

    return spied


def read(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize(
    ("kind", "dataset", "evaluate_on", "splits"),
    [
        ("plain", "mnist", "test", ("train", "test")),
        ("denoising", "mnist", "validation", ("train[:50000]", "train[50000:]")),
        ("convolutional", "pneumoniamnist", "test", ("train", "test")),
        ("variational", "pneumoniamnist", "validation", ("train", "validation")),
    ],
)
def test_image_autoencoder(
    noise, experiment, fits, tmp_path, kind, dataset, evaluate_on, splits, capsys
):
    script = experiment("image_autoencoder")
    calls = fits(script)
    # With one step of no length, what begins as the principal components still is them.
    options = {"learning_rate": 1e-9, "average": 0.0} if kind in ("plain", "denoising") else {}
    settings = script.Settings(
        dataset=dataset, kind=kind, evaluate_on=evaluate_on, widths=(16,), channels=(4, 6),
        latent=4, steps=1, batch_size=24, runs=tmp_path, **options,
    )  # fmt: skip
    summary = script.main(settings)
    train, asked = (columns(dataset, split)["image"] for split in splits)
    np.testing.assert_array_equal(calls[0][1]["image"], train)
    (folder,) = tmp_path.glob("*/*/*/seed-0")
    errors = read(folder / "errors.csv")
    assert len(errors) == len(asked)
    flat = asked.reshape(len(asked), -1) / 255
    pca = PCA(4, svd_solver="full").fit(train.reshape(len(train), -1) / 255)
    expected = np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean(1)
    np.testing.assert_allclose([float(row["pca_error"]) for row in errors], expected, rtol=1e-4)
    found = np.array([float(row["error"]) for row in errors])
    if options:
        np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert summary["error"][0] == pytest.approx(found.mean())
    assert summary["pca_error"][0] == pytest.approx(expected.mean(), rel=1e-4)
    share = 1 - found.mean() / expected.mean()
    assert summary["below_pca"][0] == pytest.approx(share, abs=1e-4)
    assert (folder / "images.png").stat().st_size > 1000
    shown = capsys.readouterr().out
    assert f"± 0.0% below PCA, {evaluate_on} images" in shown
    assert ("elbo" in summary) == (kind == "variational")


def test_chest_anomaly(noise, experiment, fits, tmp_path, capsys):
    script = experiment("chest_anomaly")
    calls = fits(script)
    settings = script.Settings(
        seeds=(3,), latent=4, widths=(8,), stages=(4,), steps=2, transformation_steps=2,
        batch_size=4, runs=tmp_path,
    )  # fmt: skip
    areas = script.main(settings)
    train, test = (columns("pneumoniamnist", split) for split in ("train", "test"))
    assert len(calls) == 3
    for _, seen, _ in calls:
        np.testing.assert_array_equal(seen["image"], train["image"][train["label"] == 0])
        assert not seen["label"].any()
    (folder,) = tmp_path.iterdir()
    rows = read(folder / "scores.csv")
    assert [int(row["label"]) for row in rows] == test["label"].tolist()
    assert len(areas) == 12
    for name, found in areas.items():
        column = name if name in rows[0] else f"{name}, seed 3"
        score = [float(row[column]) for row in rows]
        expected = pytest.approx(roc_auc_score(test["label"], score))
        assert found["test"] == (expected, 0)
    pca = PCA(4, svd_solver="full").fit(calls[0][1]["image"].reshape(12, -1) / 255)
    flat = test["image"].reshape(16, -1) / 255
    error = np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean(1)
    found = [float(row["PCA error, raw pixels"]) for row in rows]
    np.testing.assert_allclose(found, error, rtol=1e-4)
    assert "chosen by the mean on validation" in capsys.readouterr().out


def test_the_score_with_the_highest_mean_on_validation_is_chosen(experiment):
    script = experiment("chest_anomaly")
    areas = {
        "first": {"validation": (0.6, 0.1), "test": (0.9, 0.1)},
        "second": {"validation": (0.7, 0.0), "test": (0.5, 0.0)},
    }
    *_, first, second, choice = script.table(areas, without_deviation=["second"]).splitlines()
    assert first.split() == ["first", "0.600", "±", "0.100", "0.900", "±", "0.100"]
    assert second.split() == ["second", "0.700", "0.500", "<-", "chosen"]
    assert choice == "chosen by the mean on validation: second, 0.700 there, 0.500 on test"


def first_values(task, train):
    """The encoder's values that training begins with."""
    batch = {name: column[:1] for name, column in train.items()}
    return jax.tree.leaves(task.init(jax.random.key(0), batch)[0]["encoder"])


def test_few_labels(noise, experiment, fits, tmp_path, capsys):
    script = experiment("few_labels")
    calls = fits(script)
    settings = script.Settings(
        dataset="breastmnist", seeds=(3,), shares=(0.5,), widths=(4,), depths=(1,),
        pretraining_steps=2, steps=2, batch_size=8, runs=tmp_path,
    )  # fmt: skip
    areas = script.main(settings)
    (folder,) = tmp_path.glob("*/*/*")
    (row,) = record.read_history(folder / "areas.jsonl")
    assert (row["seed"], row["labels"]) == (3, 12)
    assert {way: found.tolist() for way, found in areas.items()} == {
        way: [[row[f"test/{way}"]]] for way in script.WAYS
    }
    assert all(0 <= row[f"validation/{way}"] <= 1 for way in script.WAYS)
    few = script.labelled(columns("breastmnist", "train"), 0.5, seed=3)
    machine = SVC(C=10).fit(few["image"].reshape(12, -1) / 255, few["label"])
    for split in ("validation", "test"):
        asked = columns("breastmnist", split)
        decided = machine.decision_function(asked["image"].reshape(ROWS[split], -1) / 255)
        expected = roc_auc_score(asked["label"], decided)
        assert row[f"{split}/{script.MACHINE}"] == pytest.approx(expected)
    (_, unlabelled, learned), scratch, pretrained = calls
    assert not unlabelled["label"].any()
    encoder = jax.tree.leaves(learned.params["encoder"])
    for (task, train, _), expected in ((scratch, False), (pretrained, True)):
        normal, abnormal = np.bincount(train["label"])
        assert normal == abnormal
        pairs = zip(first_values(task, train), encoder, strict=True)
        assert all(np.array_equal(*pair) for pair in pairs) == expected
    assert (folder / "label_curve.png").stat().st_size > 1000
    shown = capsys.readouterr().out
    for split in ("validation", "test"):
        assert f"{split} AUROC, mean ± standard deviation over 1 seeds" in shown


def test_hidden_patches_give_features_too(noise, experiment):
    script = experiment("few_labels")
    settings = script.Settings(
        objective="patches", widths=(4, 6), depths=(1, 1), pretraining_steps=1
    )
    train = columns("pneumoniamnist", "train")
    task, learned = script.without_labels(settings, train, 0)
    images = {"image": train["image"]}
    features = predict(task, learned.params, learned.model_state, images)["features"]
    assert features.shape == (24, 6)


def test_the_table_of_labels_has_a_mean_and_deviation_for_every_way(experiment):
    script = experiment("few_labels")
    areas = {way: np.array([[0.5, 0.6], [0.7, 0.8]]) for way in script.WAYS}
    areas[script.PRETRAINED] = areas[script.SCRATCH] + [[0.0, 0.1], [0.0, 0.2]]
    first, second = script.table("test", [10, 20], areas).splitlines()[-2:]
    mean, deviation = seeds.mean_and_deviation([0.5, 0.7])
    assert first.split()[0] == "10"
    assert first.count(f"{mean:.4f} ± {deviation:.4f}") == 5
    assert first.endswith("0.0000 ± 0.0000")
    assert second.split("  ")[-1].strip() == "0.1500 ± 0.0707"


@pytest.mark.parametrize("dataset", ["chestmnist", "mnist", "ohsumed", "breast_cancer_wisconsin"])
def test_few_labels_refuses_what_has_not_one_class_an_image(experiment, dataset):
    script = experiment("few_labels")
    with pytest.raises(ValueError, match=f"dataset is '{dataset}', but must hold images of one"):
        script.main(script.Settings(dataset=dataset))


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_few_labels_refuses_shares_that_are_none(experiment, share):
    script = experiment("few_labels")
    with pytest.raises(ValueError, match=r"shares holds .*, but each must lie in \(0, 1\]"):
        script.main(script.Settings(shares=(0.1, share)))


def test_the_machines_shares_rank_each_class_as_its_decisions_do(experiment):
    script = experiment("pixel_machine")
    train, test = (columns("retinamnist", split) for split in ("train", "test"))
    machine = script.fitted(train["image"], train["label"])
    decided = machine.decision_function(script.pixels(test["image"]))
    found = script.shares(machine, test["image"])
    for number in range(5):
        mine, theirs = (
            roc_auc_score(test["label"] == number, each[:, number]) for each in (found, decided)
        )
        assert mine == pytest.approx(theirs)


def test_labels_are_drawn_class_by_class_and_fewer_are_some_of_more(experiment):
    script = experiment("few_labels")
    label = np.array([0] * 30 + [1] * 70)
    train = {"image": np.zeros((100, 2, 2, 1), np.uint8), "label": label}
    few, more = (script.labelled(train, share, seed=3) for share in (0.1, 0.5))
    assert np.bincount(few["label"]).tolist() == [3, 7]
    assert set(few["row"]) <= set(more["row"])
    assert np.bincount(script.labelled(train, 0.001, seed=3)["label"]).tolist() == [2, 2]
    np.testing.assert_array_equal(label[more["row"]], more["label"])
