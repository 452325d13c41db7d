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

import jaxmed as jm
from jaxmed.data import catalogue, source
from jaxmed.experiment import results
from jaxmed.runs.history import read_history

pytestmark = pytest.mark.slow

ROWS = {"train": 24, "validation": 20, "test": 16}


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

    def load(name, **places):
        facts = catalogue.entry(name)
        each = (
            source.from_arrays(columns(name, split), classes=facts.classes)
            if split in facts.sizes
            else None
            for split in ROWS
        )
        return catalogue.Splits(*each)

    monkeypatch.setattr(catalogue, "load", load)


@pytest.fixture
def experiment():
    """Imports a script."""
    return lambda name: importlib.import_module(f"experiments.images.{name}")


@pytest.fixture
def fits(monkeypatch):
    """A list, which gets what each call of `jm.fit` was given and gave."""
    calls, fit = [], jm.fit

    def spy(task, optimizer, train, **options):
        calls.append((task, train, fit(task, optimizer, train, **options)))
        return calls[-1][-1]

    monkeypatch.setattr("jaxmed.training.fit", spy)
    return calls


def read(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize(
    ("kind", "dataset", "evaluate_on", "splits"),
    [
        ("plain", "mnist", "test", (("train", slice(None)), ("test", slice(None)))),
        ("denoising", "mnist", "validation", (("train", slice(20)), ("train", slice(20, None)))),
        (
            "convolutional",
            "pneumoniamnist",
            "test",
            (("train", slice(None)), ("test", slice(None))),
        ),
        (
            "variational",
            "pneumoniamnist",
            "validation",
            (("train", slice(None)), ("validation", slice(None))),
        ),
    ],
)
def test_image_autoencoder(
    noise, experiment, fits, tmp_path, kind, dataset, evaluate_on, splits, capsys
):
    script = experiment("image_autoencoder")
    # With one step of no length, what begins as the principal components still is them.
    options = {"learning_rate": 1e-9, "average": 0.0} if kind in ("plain", "denoising") else {}
    settings = script.Settings(
        dataset=dataset, kind=kind, evaluate_on=evaluate_on, widths=(16,), channels=(4, 6),
        latent=4, steps=1, batch_size=24, runs=tmp_path, **options,
    )  # fmt: skip
    summary = script.experiment(settings)
    train, asked = (columns(dataset, split)["image"][rows] for split, rows in splits)
    np.testing.assert_array_equal(fits[0][1]["image"], train)
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
    assert summary["squared_error"].mean == pytest.approx(found.mean())
    assert summary["PCA/squared_error"].mean == pytest.approx(expected.mean(), rel=1e-4)
    share = 1 - found.mean() / expected.mean()
    assert summary["reduction"].mean == pytest.approx(share, abs=1e-4)
    stored = results.read_result(folder.parent / "result.json").metrics
    assert stored["reduction"].mean == summary["reduction"].mean
    assert (folder / "images.png").stat().st_size > 1000
    shown = capsys.readouterr().out
    assert f"{share:.1%} below PCA, {evaluate_on} images" in shown
    assert ("elbo" in summary) == (kind == "variational")


def test_chest_anomaly(noise, experiment, fits, tmp_path, capsys):
    script = experiment("chest_anomaly")
    settings = script.Settings(
        seeds=(3,), latent=4, widths=(8,), stages=(4,), steps=2, transformation_steps=2,
        batch_size=4, runs=tmp_path,
    )  # fmt: skip
    summary = script.experiment(settings)
    train, test = (columns("pneumoniamnist", split) for split in ("train", "test"))
    assert len(fits) == 3
    for _, seen, _ in fits:
        np.testing.assert_array_equal(seen["image"], train["image"][train["label"] == 0])
        assert not seen["label"].any()
    (folder,) = tmp_path.iterdir()
    rows = read(folder / "scores.csv")
    assert [int(row["label"]) for row in rows] == test["label"].tolist()
    stored = results.read_result(folder / "result.json").metrics
    assert list(stored) == list(summary)
    assert len(summary) == 2 * 12
    for metric, found in summary.items():
        name, _, split = metric.rpartition("/")
        if split == "test_auroc":
            column = name if name in rows[0] else f"{name}, seed 3"
            score = [float(row[column]) for row in rows]
            assert found.mean == pytest.approx(roc_auc_score(test["label"], score))
    pca = PCA(4, svd_solver="full").fit(fits[0][1]["image"].reshape(12, -1) / 255)
    flat = test["image"].reshape(16, -1) / 255
    error = np.square(pca.inverse_transform(pca.transform(flat)) - flat).mean(1)
    found = [float(row["PCA error, raw pixels"]) for row in rows]
    np.testing.assert_allclose(found, error, rtol=1e-4)
    assert "chosen by the mean on validation" in capsys.readouterr().out


def test_the_score_with_the_highest_mean_on_validation_is_chosen(experiment):
    script = experiment("chest_anomaly")
    summary = {
        "first/validation_auroc": results.summarize([0.5, 0.7]),
        "first/test_auroc": results.summarize([0.8, 1.0]),
        "second/validation_auroc": results.summarize([0.7]),
        "second/test_auroc": results.summarize([0.5]),
    }
    *_, first, second, choice = script.table(summary).splitlines()
    assert first.split() == ["first", "0.6000", "±", "0.1414", "0.9000", "±", "0.1414"]
    assert second.split() == ["second", "0.700", "0.500", "<-", "chosen"]
    assert choice == "chosen by the mean on validation: second, 0.700 there, 0.500 on test"


def first_values(task, train):
    """The encoder's values that training begins with."""
    batch = {name: column[:1] for name, column in train.items()}
    return jax.tree.leaves(task.init(jax.random.key(0), batch, {})[0]["encoder"])


def test_few_labels(noise, experiment, fits, tmp_path, capsys):
    script = experiment("few_labels")
    settings = script.Settings(
        dataset="breastmnist", seeds=(3,), shares=(0.5,), widths=(4,), depths=(1,),
        pretraining_steps=2, steps=2, batch_size=8, runs=tmp_path,
    )  # fmt: skip
    summary = script.experiment(settings)
    (folder,) = tmp_path.glob("*/*/*")
    (row,) = read_history(folder / "areas.jsonl")
    assert (row["seed"], row["labels"]) == (3, 12)
    expected = {f"12 labels (50 %)/{way}": (row[f"test/{way}"],) for way in script.WAYS}
    gain = summary.pop("12 labels (50 %)/gain").mean
    assert gain == pytest.approx(row["test/pretrained"] - row["test/from_scratch"])
    assert {name: found.values for name, found in summary.items()} == expected
    stored = results.read_result(folder / "result.json").metrics
    assert {name: stored[name].values for name in expected} == expected
    few = script.labeled(columns("breastmnist", "train"), 0.5, seed=3)
    machine = SVC(C=10).fit(few["image"].reshape(12, -1) / 255, few["label"])
    for split in ("validation", "test"):
        asked = columns("breastmnist", split)
        decided = machine.decision_function(asked["image"].reshape(ROWS[split], -1) / 255)
        expected = roc_auc_score(asked["label"], decided)
        assert row[f"{split}/pixel_svm"] == pytest.approx(expected)
    (_, unlabeled, learned), scratch, pretrained = fits
    assert set(unlabeled) == {"image"}
    encoder = jax.tree.leaves(learned.model.params["encoder"])
    for (task, train, trained), expected in ((scratch, False), (pretrained, True)):
        assert np.bincount(train["label"]).tolist() == [6, 6]
        assert trained.history[-1]["step"] == 2
        pairs = zip(first_values(task, train), encoder, strict=True)
        assert all(np.array_equal(*pair) for pair in pairs) == expected
    assert (folder / "learning_curve.png").stat().st_size > 1000
    shown = capsys.readouterr().out
    for split in ("validation", "test"):
        assert f"{split} AUROC, mean ± standard deviation" in shown


def test_hidden_patches_give_features_too(noise, experiment, tmp_path):
    script = experiment("few_labels")
    settings = script.Settings(
        objective="patches", widths=(4, 6), depths=(1, 1), pretraining_steps=1
    )
    train = columns("pneumoniamnist", "train")
    learned = script.without_labels(settings, train, 0, tmp_path)
    features = jm.predict(learned, {"image": train["image"]})["features"]
    assert features.shape == (24, 6)


def test_the_table_of_labels_has_a_mean_and_deviation_for_every_way(experiment):
    script = experiment("few_labels")
    rows = [
        {
            "labels": labels, "share": labels / 20, "test/from_scratch": value,
            **{f"test/{way}": value for way in script.WAYS[2:]}, "test/pretrained": value + gain,
        }
        for labels, value, gain in [(10, 0.5, 0), (20, 0.6, 0.1), (10, 0.7, 0), (20, 0.8, 0.2)]
    ]  # fmt: skip
    values = script.by_labels(rows, "test")
    summary = {name: results.summarize(found) for name, found in values.items()}
    first, second = script.table("test", summary).splitlines()[-2:]
    assert first.startswith("10 labels (50 %)")
    assert first.count("0.6000 ± 0.1414") == 5
    assert first.endswith("0.0 ± 0.0")
    assert second.startswith("20 labels (100 %)")
    assert second.endswith("0.1500 ± 0.0707")


@pytest.mark.parametrize("dataset", ["chestmnist", "mnist", "ohsumed", "breast_cancer_wisconsin"])
def test_few_labels_refuses_what_has_not_one_class_an_image(experiment, dataset):
    script = experiment("few_labels")
    with pytest.raises(ValueError, match=f"dataset is '{dataset}', but must hold images of one"):
        script.experiment(script.Settings(dataset=dataset))


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_few_labels_refuses_shares_that_are_none(experiment, share):
    script = experiment("few_labels")
    with pytest.raises(ValueError, match=r"shares holds .*, but each must lie in \(0, 1\]"):
        script.experiment(script.Settings(shares=(0.1, share)))


def test_labels_are_drawn_class_by_class_and_fewer_are_some_of_more(experiment):
    script = experiment("few_labels")
    label = np.array([0] * 30 + [1] * 70)
    train = {"image": np.zeros((100, 2, 2, 1), np.uint8), "label": label}
    few, more = (script.labeled(train, share, seed=3) for share in (0.1, 0.5))
    assert np.bincount(few["label"]).tolist() == [3, 7]
    assert set(few["row"]) <= set(more["row"])
    assert np.bincount(script.labeled(train, 0.001, seed=3)["label"]).tolist() == [2, 2]
    np.testing.assert_array_equal(label[more["row"]], more["label"])
