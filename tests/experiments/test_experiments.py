"""Every experiment runs for a few steps: real diagnoses where they need no download, else noise."""

from __future__ import annotations

import csv
import importlib
import json

import numpy as np
import pytest

from jaxmed.cli.main import main
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
        ("medmnist_best", {"dataset": "breastmnist", "members": 2, "steps": 2, "widths": (4, 4)}),
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


WORDS = [
    "the",
    "drug",
    "caused",
    "a",
    "rash",
    "and",
    "fever",
    "in",
    "two",
    "patients",
    "treated",
    "after",
    "surgery",
]


@pytest.fixture
def made_up_texts(monkeypatch):
    """Every data set is 60 short texts of made-up words, in documents of one to six."""

    def open_split(name, split, **places):
        facts = catalogue.entry(name)
        random = np.random.default_rng(len(split))
        label = (np.arange(60) % len(facts.classes)).astype(np.int32)
        texts = [" ".join(random.choice(WORDS, random.integers(2, 9))) for _ in label]
        group = np.repeat(np.arange(20), np.arange(20) % 5 + 1)
        columns = {"text": np.array(texts, object), "label": label, "group": group[:60]}
        return source.from_arrays(columns, classes=facts.classes)

    monkeypatch.setattr(catalogue, "open_split", open_split)


@pytest.mark.parametrize("recipe", ["seed", "best"])
def test_adverse_event_lstm_is_exported_and_asked(made_up_texts, tmp_path, recipe, capsys):
    script = experiment("adverse_event_lstm")
    small = script.text_pretraining.Settings(epochs=1, length=8, folder=tmp_path / "pretrained")
    settings = script.Settings(
        recipe=recipe, epochs=1, length=8, pretraining=small, runs=tmp_path / "runs"
    )
    summary = script.main(settings)
    assert 0 <= summary["auroc"][0] <= 1
    (folder,) = (tmp_path / "runs").glob("*/*/seed-*")
    expect_run_directory(folder, rows=60)
    assert "linear model: accuracy" in capsys.readouterr().out
    assert main.main(["predict", str(folder), "--text", "the drug caused a rash"]) == 0
    assert "adverse event" in capsys.readouterr().out
    if recipe == "best":  # what was learned is read again, not learned again
        tokenizer, params = script.text_pretraining.pretrained(small)
        assert tokenizer.get_vocab_size() == params["encoder"]["embedding"]["embedding"].shape[0]


@pytest.mark.parametrize("variant", ["alone", "chain"])
def test_abstract_sections(made_up_texts, tmp_path, variant, capsys):
    script = experiment("abstract_sections")
    settings = script.Settings(
        variant=variant, epochs=1, length=8, units=4, sentences=4, runs=tmp_path
    )
    summary = script.main(settings)
    assert 0 <= summary["f1_weighted"][0] <= 1
    (folder,) = tmp_path.glob("*/*/*/seed-*")
    expect_run_directory(folder, rows=60)
    assert "linear model, with neighbours and place" in capsys.readouterr().out


def test_disease_topics(made_up_texts, tmp_path, capsys):
    script = experiment("disease_topics")
    summary = script.main(script.Settings(epochs=2, most=40, runs=tmp_path))
    (folder,) = tmp_path.glob("*/seed-*")
    expect_run_directory(folder, rows=60)
    found = np.mean([row["label"] == prediction(row) for row in predicted(folder)])
    assert summary["accuracy"][0] == pytest.approx(found, abs=1e-6)
    shown = capsys.readouterr().out
    assert shown.count("linear support vector machine") == 2


def test_the_title_counts_once_more_with_its_weight():
    script = experiment("disease_topics")
    texts = 2 * ["rash\nfever was seen", "fever\nrash was seen"]
    with_title, without = (script.vectorizer(title).fit(texts) for title in (0.7, 0.0))
    found, plain = (union.transform(texts).toarray() for union in (with_title, without))
    np.testing.assert_allclose(found[:, : plain.shape[1]], plain)
    rest = found[:, plain.shape[1] :]
    # Two parts of norm 1, words and pieces, each times .7; "rash" and "fever" share no term.
    np.testing.assert_allclose((rest**2).sum(1), 2 * 0.7**2)
    assert rest[0] @ rest[1] == 0


def test_imdb_lstm(made_up_texts, tmp_path, capsys):
    script = experiment("imdb_lstm")
    settings = script.Settings(epochs=2, length=8, validation=0.2, runs=tmp_path)
    summary = script.main(settings)
    (folder,) = tmp_path.glob("*/seed-*")
    expect_run_directory(folder, rows=60)
    found = np.mean([row["label"] == prediction(row) for row in predicted(folder)])
    assert summary["accuracy"][0] == pytest.approx(found, abs=1e-6)
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.partition("linear model\n")[2].splitlines()] == [
        "accuracy",
        "auroc",
        "f1",
    ]


def predicted(folder):
    """The rows of the file of predictions."""
    return list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))


def prediction(row):
    """The class with the highest probability, as the file has it."""
    shares = [float(value) for name, value in row.items() if name.startswith("probabilities_")]
    return str(int(np.argmax(shares)))
