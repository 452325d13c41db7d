"""The three records of `fit`: what they refuse, and what they mean."""

from __future__ import annotations

import pytest
from training.linear import TRAIN, VALIDATION, train

import jaxmed as jm
from jaxmed.runtime import placement
from jaxmed.training import Execution, Run, Validation, stopping

REFUSED = {
    "monitor without validation": (
        {"monitor": stopping.highest("auroc")},
        "monitor is auroc, but there is no validation data: pass some",
    ),
    "patience without a monitor": (
        {"validation": VALIDATION, "patience": 3},
        "patience is 3, but there is no monitor",
    ),
    "no patience": (
        {"monitor": stopping.lowest("train/loss"), "patience": 0},
        "patience is 0, but must be at least 1",
    ),
    "every": ({"every": 0}, "every is 0, but must be at least 1"),
    "unknown monitor": (
        {"monitor": stopping.lowest("train/los")},
        "monitor is 'train/los', which is unknown: did you mean train/loss",
    ),
    "batch size": (
        {"batch_size": 20, "execution": Execution(placement.sharded())},
        "batch_size is 20, which 8 devices do not divide: use a multiple of 8, such as 16",
    ),
    "no batch": ({"batch_size": 0}, "batch_size is 0, but must be at least 1"),
    "no epochs": ({"epochs": 0}, "epochs is 0, but must be greater than 0"),
    "no steps": ({"steps": 0}, "steps is 0, but must be at least 1"),
    "neither": ({"epochs": None}, "epochs and steps are both missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_cannot_be_are_refused_in_one_sentence(name):
    options, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as caught:
        train(columns=TRAIN, **options)
    assert "\n" not in str(caught.value)


def test_a_start_beside_a_run_to_resume_is_refused(tmp_path):
    state = train(epochs=1).state
    with pytest.raises(ValueError, match="start is given and resume is True"):
        Run(tmp_path, resume=True, start=state)


def test_names_of_validation_have_no_prefix_and_those_of_training_have_one():
    assert Validation(VALIDATION, jm.highest("auroc")).monitor.of_training is False
    assert Validation(monitor=jm.lowest("train/loss")).monitor.of_training is True
    row = {"train/mae": 1.0, "validation/mae": 2.0}
    assert jm.lowest("mae").score(row) == -2.0
    assert jm.lowest("train/mae").score(row) == -1.0


def test_patience_is_one_condition_among_others():
    monitor, other = stopping.lowest("train/loss"), lambda history: None
    conditions = Validation(monitor=monitor, patience=2, stop=[other]).conditions()
    assert len(conditions) == 2
    assert conditions[1] is other
    assert Validation(stop=[other]).conditions() == (other,)


def test_a_relative_folder_stays_where_it_was_when_the_process_moves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run("runs/first")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert run.directory == tmp_path / "runs" / "first"
