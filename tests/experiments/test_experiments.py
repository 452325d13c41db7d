"""Every experiment of `start` and `texts` runs for a few steps, on real diagnoses or on noise."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest
import small_data
import written_predictions
from sklearn.metrics import roc_auc_score

from jaxmed.cli.main import main
from jaxmed.data import catalogue

pytestmark = pytest.mark.slow


def experiment(name):
    return importlib.import_module(f"experiments.{name}")


@pytest.fixture
def noise(monkeypatch):
    """Every data set is made of noise, with the classes and the splits of the real one."""
    monkeypatch.setattr(catalogue, "load", small_data.load)


def expect_run(root, rows, *, trained=True):
    """The folders of the seeds are whole, and `result.json` agrees with their predictions."""
    result = written_predictions.expect_result(root)
    names = {"config.json", "environment.json", "metrics.jsonl", "report.html", "plots"}
    names |= {"model", "checkpoints"} if trained else set()
    for seed in result.seeds:
        folder = root / f"seed-{seed}"
        assert names <= {path.name for path in folder.iterdir()}
        assert len(written_predictions.read(folder)[0]) == rows
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        assert lines
        assert all(np.isfinite(json.loads(line)["train/loss"]) for line in lines)
    return result


def expect_same(summary, result):
    """What the experiment returned is what it wrote."""
    assert set(summary) == set(result.metrics)
    for name, each in summary.items():
        assert each.values == pytest.approx(result.metrics[name].values)


def test_breast_cancer_mlp(tmp_path):
    script = experiment("start.breast_cancer_mlp")
    settings = script.Settings(
        widths=(8,), epochs=3, folds=2, data_dir=tmp_path / "data", runs=tmp_path / "runs"
    )
    summary = script.experiment(settings)
    (root,) = (tmp_path / "runs").iterdir()
    result = expect_run(root, rows=569, trained=False)
    expect_same(summary, result)
    # The folds partition the patients, and the mean over them lies near the AUROC of all.
    label, probabilities = written_predictions.read(root / "seed-0")
    folds = summary["auroc_of_folds"]
    assert len(folds.values) == 2
    assert folds.mean == pytest.approx(roc_auc_score(label, probabilities[:, 1]), abs=0.05)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnist_mlp", {"recipe": "seed", "epochs": 1, "seeds": (0, 1)}),
        ("mnist_mlp", {"recipe": "best", "epochs": 1}),
        ("mnist_cnn", {"recipe": "seed", "epochs": 1}),
        ("mnist_cnn", {"recipe": "best", "epochs": 1}),
    ],
)
def test_digits(noise, tmp_path, name, options, capsys):
    script = experiment(f"start.{name}")
    settings = script.Settings(**options, runs=tmp_path)
    summary = script.experiment(settings)
    (root,) = tmp_path.glob("*/*")
    result = expect_run(root, rows=40)
    expect_same(summary, result)
    assert result.seeds == settings.seeds
    assert f"deviation over {len(settings.seeds)} seeds" in capsys.readouterr().out


def test_sweep_mnist(noise, tmp_path):
    script = experiment("start.sweep_mnist")
    settings = script.Settings(
        configurations=4, epochs=(1, 2), widths=(8,), batch_size=8, seeds=(0, 1), runs=tmp_path
    )
    summary = script.experiment(settings)
    (root,) = tmp_path.iterdir()
    result = expect_run(root, rows=40)
    expect_same(summary, result)
    assert len(summary["search_seconds"].values) == 1
    lines = (root / "search.txt").read_text().splitlines()
    assert len(lines) == 1 + 4
    assert (root / "search.png").read_bytes().startswith(b"\x89PNG")
    # 34 of the 40 digits are searched with, 5 steps per epoch; one of the four goes on.
    assert lines[0].split()[:4] == ["5", "steps", "10", "steps"]
    assert [len(line.split()) for line in lines[1:]] == [6, 5, 5, 5]


@pytest.mark.parametrize("recipe", ["seed", "best"])
def test_adverse_event_lstm_is_exported_and_asked(noise, tmp_path, recipe, capsys):
    script = experiment("texts.adverse_event_lstm")
    small = script.text_pretraining.Settings(epochs=1, length=8, runs=tmp_path / "pretrained")
    settings = script.Settings(
        recipe=recipe, epochs=1, length=8, pretraining=small, runs=tmp_path / "runs"
    )
    summary = script.experiment(settings)
    (root,) = (tmp_path / "runs").glob("*/*")
    result = expect_run(root, rows=60)
    expect_same(summary, result)
    baselines = [name for name in result.metrics if name.startswith(f"{script.BASELINE}/")]
    assert len(baselines) == 5
    capsys.readouterr()
    assert main(["predict", str(root / "seed-0"), "--text", "the drug caused a rash"]) == 0
    assert "adverse event" in capsys.readouterr().out
    if recipe == "best":  # what was learned is read again, not learned again
        tokenizer, params = script.text_pretraining.pretrained(small)
        assert tokenizer.get_vocab_size() == params["encoder"]["embedding"]["embedding"].shape[0]
        assert "pretraining first" not in capsys.readouterr().out


def test_pretraining_reads_no_sentence_of_another_split(noise, tmp_path):
    script = experiment("texts.text_pretraining")
    settings = script.Settings(corpora=("ade_corpus", "ohsumed"), runs=tmp_path)
    texts = {
        (name, split): set(small_data.columns(name, split)["text"])
        for name in settings.corpora
        for split in catalogue.entry(name).sizes
    }
    other = set().union(*(found for (_, split), found in texts.items() if split != "train"))
    training = set().union(*(found for (_, split), found in texts.items() if split == "train"))
    assert "the drug caused a rash" in training & other
    assert set(script.sentences(settings)) == training - other


@pytest.mark.parametrize("variant", ["alone", "chain", "pretrained"])
def test_abstract_sections(noise, tmp_path, variant):
    script = experiment("texts.abstract_sections")
    small = script.text_pretraining.Settings(epochs=1, length=8, runs=tmp_path / "pretrained")
    settings = script.Settings(
        variant=variant, epochs=1, length=8, units=4, sentences=4, pretraining=small,
        runs=tmp_path / "runs",
    )  # fmt: skip
    summary = script.experiment(settings)
    (root,) = (tmp_path / "runs").glob("*/*/*")
    result = expect_run(root, rows=60)
    expect_same(summary, result)
    assert result.headline == (
        "f1_weighted",
        f"{script.BASELINE}, with neighbors and position/f1_weighted",
    )
    assert (root / "seed-0" / "tokenizer.json").is_file()


def test_disease_topics(noise, tmp_path):
    script = experiment("texts.disease_topics")
    summary = script.experiment(script.Settings(epochs=2, max_terms=40, runs=tmp_path))
    (root,) = tmp_path.iterdir()
    result = expect_run(root, rows=60)
    expect_same(summary, result)
    assert sum(name.startswith(script.BASELINE) for name in result.metrics) == 2


def test_the_title_counts_once_more_with_its_weight():
    script = experiment("texts.disease_topics")
    texts = 2 * ["rash\nfever was seen", "fever\nrash was seen"]
    with_title, without = (script.vectorizer(title).fit(texts) for title in (0.7, 0.0))
    found, plain = (union.transform(texts).toarray() for union in (with_title, without))
    np.testing.assert_allclose(found[:, : plain.shape[1]], plain)
    rest = found[:, plain.shape[1] :]
    # Two parts of norm 1, words and pieces, each times 0.7; "rash" and "fever" share no term.
    np.testing.assert_allclose((rest**2).sum(1), 2 * 0.7**2)
    assert rest[0] @ rest[1] == 0


def test_imdb_lstm(noise, tmp_path):
    script = experiment("start.imdb_lstm")
    summary = script.experiment(script.Settings(epochs=2, length=8, held_out=0.2, runs=tmp_path))
    (root,) = tmp_path.iterdir()
    result = expect_run(root, rows=60)
    expect_same(summary, result)
    names = [name for name in summary if name.startswith(script.BASELINE)]
    assert [name.rpartition("/")[2] for name in names] == ["accuracy", "auroc", "f1"]
