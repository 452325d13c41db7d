"""Runs that are resumed in the same process: under placements, when finished, when refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES
from training.linear import FEATURES, TRAIN, VALIDATION, train

import jaxmed
from jaxmed.data.source import Arrays
from jaxmed.deploy import load
from jaxmed.runtime import placement
from jaxmed.training import Execution, stopping


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
def test_placements_train_alike_and_resume_alike(place, tmp_path):
    example = EXAMPLES["multiclass"]
    expected = train(example.task, columns=example.columns, batch_size=16, epochs=2)

    def go(epochs, **options):
        return train(
            example.task,
            columns=example.columns,
            batch_size=16,
            epochs=epochs,
            execution=Execution(place()),
            directory=tmp_path,
            **options,
        )

    go(1)
    done = go(2, resume=True)
    for ours, theirs in zip(
        jax.tree.leaves(done.model.params), jax.tree.leaves(expected.model.params), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for ours, theirs in zip(done.history, expected.history, strict=True):
        assert ours["train/loss"] == pytest.approx(theirs["train/loss"], rel=1e-5)


def test_a_finished_run_resumes_to_the_same_result_at_once(tmp_path):
    monitor = stopping.lowest("mae")
    options = {"directory": tmp_path, "validation": VALIDATION, "monitor": monitor}
    options |= {"optimizer": optax.sgd(0.3), "epochs": 4}
    done = train(**options)
    assert done.best_epoch < 4
    written = (tmp_path / "metrics.jsonl").read_text()

    def never(row):
        raise AssertionError

    again = train(**options, resume=True, loggers=[never])
    assert again.history == done.history
    assert (again.reason, again.best_epoch) == (done.reason, done.best_epoch)
    np.testing.assert_array_equal(again.model.params["weight"], done.model.params["weight"])
    np.testing.assert_array_equal(again.state.params["weight"], done.state.params["weight"])
    assert (tmp_path / "metrics.jsonl").read_text() == written


@dataclasses.dataclass(frozen=True)
class Named(Arrays):
    """Columns in memory that know the names of their features."""

    feature_names: tuple[str, ...] = ("age", "dose", "weight")


def test_what_fails_after_training_is_written_by_resuming_and_can_be_handed_on(tmp_path):
    folder = tmp_path / "hospital" / "run"
    (folder / "predictions.csv").mkdir(parents=True)  # where a file must go
    table = tmp_path / "hospital" / "table.csv"
    options = {"directory": folder, "validation": VALIDATION, "artifacts": True, "epochs": 2}
    options["settings"] = {"manual_dir": table.parent, "table": str(table), "runs": Path("runs")}
    options["columns"] = Named(TRAIN)
    with pytest.raises(OSError, match="directory") as caught:
        train(**options)
    (note,) = caught.value.__notes__
    assert note.startswith(f"Training is complete and its checkpoints are in '{folder}'")
    assert not (folder / "model").exists()
    (folder / "predictions.csv").rmdir()
    done = train(**options, resume=True)
    assert len(done.history) == 2
    assert (folder / "report.html").is_file()
    assert list(load(folder).card.feature_names) == ["age", "dose", "weight"]
    expect_no_place(folder, tmp_path, Path(jaxmed.__file__).parent, Path(__file__).parent)
    written = json.loads((folder / "config.json").read_text())["settings"]
    assert written == {"manual_dir": "hospital", "table": "table.csv", "runs": "runs"}


def expect_no_place(folder, *places):
    """No file of the folder tells where it was made, or by what code."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        content = path.read_bytes()
        for word in (*places, "linear.py"):
            assert str(word).encode() not in content, path


def test_resuming_where_nothing_is_starts_a_run(tmp_path):
    done = train(directory=tmp_path / "new", resume=True, epochs=1)
    assert len(done.history) == 1


def test_a_directory_with_a_run_is_refused_unless_resumed(tmp_path):
    train(directory=tmp_path, epochs=1)
    with pytest.raises(FileExistsError, match=r"directory is .*holds a run at step 3: resume it"):
        train(directory=tmp_path, epochs=1)


def test_another_monitor_cannot_resume_a_run_whose_best_epoch_is_gone(tmp_path):
    second = train(epochs=2).model.params["weight"]
    passed = {"features": FEATURES, "label": FEATURES @ np.asarray(second)}  # no error at epoch 2
    options = {"directory": tmp_path, "validation": passed}
    done = train(epochs=4, monitor=stopping.lowest("mae"), **options)
    assert done.best_epoch == 2
    with pytest.raises(ValueError, match=r"monitor is mae, by which round \d is the best so far"):
        train(epochs=5, monitor=stopping.highest("mae"), resume=True, **options)


def test_a_run_is_extended_by_asking_for_more(tmp_path):
    first = train(epochs=2, directory=tmp_path)
    more = train(epochs=4, directory=tmp_path, resume=True)
    assert [row["step"] for row in more.history] == [3, 6, 9, 12]
    assert more.history[:2] == first.history
    whole = train(epochs=4)
    np.testing.assert_array_equal(more.model.params["weight"], whole.model.params["weight"])


def test_more_frequent_checkpoints_are_those_of_the_measurements(tmp_path):
    """A run that stops within an epoch goes on there, with the same numbers."""
    options = {"validation": VALIDATION, "every": 2}
    whole = train(epochs=3, **options)
    train(steps=4, **options, directory=tmp_path)
    done = train(epochs=3, **options, directory=tmp_path, resume=True)
    assert [row["step"] for row in done.history] == [2, 4, 6, 8, 9]
    for ours, theirs in zip(done.history, whole.history, strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}
    np.testing.assert_array_equal(done.model.params["weight"], whole.model.params["weight"])
