"""Results survive being written and read; what is wrong in a file is named."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmed.experiment import results
from jaxmed.experiment.results import Hardware, Result, Sizes, Summary

RESULT = Result(
    question="Is this mass malignant?",
    data="Breast Cancer Wisconsin",
    sizes=Sizes("test", 114, 341),
    recipe="MLP 64-32",
    script="experiments/start/breast_cancer_mlp.py",
    command="python experiments/start/breast_cancer_mlp.py --seeds 0 1",
    settings={"widths": [64, 32], "dropout": 0.2},
    seeds=(0, 1),
    metrics={"auroc": results.summarize([0.99, 0.98]), "SVM/auroc": Summary(0.97)},
    headline=("auroc",),
    seconds=Summary(9.0),
    hardware=Hardware("AMD EPYC", 2, {"cpu": 1}),
    versions={"jax": "0.10.2", "optax": None},
    commit=None,
    date="2026-01-31",
    origin="measured",
    note="Idle machine.",
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Of an experiment."""

    epochs: int = 3
    runs: Path = Path("runs/x")
    data_dir: Path | None = None


def test_mean_and_deviation_are_those_of_a_sample():
    values = [0.91, 0.94, 0.92]
    found = results.summarize(values)
    assert found.mean == pytest.approx(statistics.mean(values), abs=1e-12)
    assert found.deviation == pytest.approx(statistics.stdev(values), abs=1e-12)
    assert found.values == tuple(values)


def test_one_seed_has_no_deviation():
    assert results.summarize(np.array([0.5])) == Summary(0.5, None, (0.5,))
    with pytest.raises(ValueError, match=r"values is empty, but must hold one value per seed"):
        results.summarize([])


@pytest.mark.parametrize("stated", [(0.91, 0.1), (0.9, 0.2), (0.9, None)])
def test_a_summary_must_agree_with_its_values(stated):
    values = (0.8, 0.9, 1.0)
    Summary(0.9, 0.1, values)
    with pytest.raises(ValueError, match="but its values give"):
        Summary(*stated, values)


def test_what_is_written_is_read(tmp_path):
    RESULT.write(tmp_path / "row.json")
    assert results.read_result(tmp_path / "row.json") == RESULT


def test_undefined_and_infinite_metrics_are_read_back(tmp_path):
    metrics = {"auroc": results.summarize([0.5, math.nan]), "loss": results.summarize([math.inf])}
    dataclasses.replace(RESULT, metrics=metrics, headline=()).write(tmp_path / "row.json")
    found = results.read_result(tmp_path / "row.json").metrics
    assert math.isnan(found["auroc"].mean)
    assert found["auroc"].deviation is None
    assert found["auroc"].values[0] == 0.5
    assert found["loss"].mean == math.inf


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "row.json"
    RESULT.write(path)
    before = path.read_bytes()

    class Unwritable:
        def __str__(self):
            raise RuntimeError("no words")

    with pytest.raises(RuntimeError, match="no words"):
        dataclasses.replace(RESULT, settings={"x": Unwritable()}).write(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["row.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": 3}, "question is 3, but must be a string"),
        ({"data": " "}, "data is empty, but must say what was run"),
        ({"recipe": None}, "recipe is None, but must be a string"),
        ({"script": "experiments/other.py"}, "command is .*, but must run experiments/other.py"),
        ({"settings": []}, r"settings is \[\], but must be an object"),
        ({"seeds": [0, "1"]}, "seeds is '1', but must be a whole number"),
        ({"seeds": [True]}, "seeds is True, but must be a whole number"),
        ({"metrics": {}}, "metrics is empty, but must hold at least one"),
        ({"metrics": {"auroc": 0.9}}, r"metrics\['auroc'\] is 0.9, but must be an object"),
        (
            {"metrics": {"auroc": {"mean": "high", "deviation": None, "values": []}}},
            r"metrics\['auroc'\].mean is 'high', but must be a number",
        ),
        (
            {"metrics": {"auroc": {"mean": 0.9, "values": []}}},
            r"metrics\['auroc'\] has no 'deviation'",
        ),
        (
            {"metrics": {"auroc": {"mean": 0.9, "deviation": None, "values": [0.8]}}},
            r"metrics\['auroc'\].mean is 0.9, but its values give 0.8",
        ),
        ({"headline": ["auroca"]}, "headline is 'auroca', which is unknown: did you mean auroc"),
        ({"seconds": 9}, "seconds is 9, but must be an object"),
        ({"hardware": {"processor": "x", "cores": 2}}, "hardware has no 'devices'"),
        (
            {"hardware": {"processor": "x", "cores": "2", "devices": {}}},
            "hardware.cores is '2', but must be a whole number",
        ),
        ({"sizes": 114}, "sizes is 114, but must be an object"),
        ({"sizes": {"split": "test", "rows": 114}}, "sizes has no 'train_rows'"),
        (
            {"sizes": {"split": "test", "rows": 114.0, "train_rows": 1}},
            r"sizes\.rows is 114\.0, but must be a whole number",
        ),
        (
            {"sizes": {"split": "test", "rows": 0, "train_rows": 1}},
            r"sizes\.rows is 0, but must be",
        ),
        ({"sizes": {"split": "", "rows": 2, "train_rows": 1}}, r"sizes\.split is empty, but must"),
        ({"versions": "1.0"}, "versions is '1.0', but must be an object"),
        ({"commit": 7}, "commit is 7, but must be a string"),
        ({"date": "31.1.2026"}, "date is '31.1.2026', but must be written as 2026-01-31"),
        ({"date": None}, "date is missing, but a measured result must have one"),
        ({"origin": "guessed"}, "origin is 'guessed', which is unknown"),
        ({"note": None}, "note is None, but must be a string"),
        ({"colour": "red"}, "the file has 'colour', but may only have question, data"),
    ],
)
def test_every_field_is_checked(tmp_path, change, message):
    path = tmp_path / "row.json"
    RESULT.write(path)
    content = json.loads(path.read_text()) | {"headline": []} | change
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"^row\.json: {message}"):
        results.read_result(path)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Result)])
def test_no_field_may_be_missing(tmp_path, name):
    path = tmp_path / "row.json"
    RESULT.write(path)
    content = json.loads(path.read_text())
    del content[name]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"^row\.json: the file has no '{name}'"):
        results.read_result(path)


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]"])
def test_a_file_of_something_else_is_named(tmp_path, content):
    (tmp_path / "row.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^row\.json: "):
        results.read_result(tmp_path / "row.json")


def test_the_result_of_runs_says_how_to_repeat_them(tmp_path):
    found = results.from_runs(
        {"auroc": [0.9, 0.8], "SVM on raw pixels/auroc": [0.7]},
        question="Which digit is this?",
        data="MNIST",
        recipe="MLP",
        script=tmp_path / "experiments" / "start" / "mnist_mlp.py",
        settings=Settings(runs=tmp_path),
        seeds=(0, 1),
        seconds=[3.0, 5.0],
        arguments=["--seeds", "0", "1", "--data-dir", str(tmp_path), "--profile"],
        headline=["auroc"],
    )
    assert found.script == "experiments/start/mnist_mlp.py"
    assert found.command == "python experiments/start/mnist_mlp.py --seeds 0 1"
    assert found.settings == {"epochs": 3}
    assert found.seconds == results.summarize([3.0, 5.0])
    assert found.metrics["SVM on raw pixels/auroc"] == Summary(0.7, None, (0.7,))
    assert found.hardware.devices == {jax.devices()[0].device_kind: jax.device_count()}
    assert found.versions["jax"] == jax.__version__
    assert found.origin == "measured"
    found.write(tmp_path / "row.json")
    assert results.read_result(tmp_path / "row.json") == found
    assert str(tmp_path) not in (tmp_path / "row.json").read_text()
