"""Stopping conditions: pure functions of the history, checked against a plain search."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jaxmed.training import stopping

scores = st.lists(
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, math.nan, -math.inf]), min_size=1, max_size=12
)


def history_of(values):
    return [{"epoch": epoch + 1, "x": value} for epoch, value in enumerate(values)]


def first_best(values, better):
    """By hand: the first value that no other beats; NaN is beaten by all."""
    found = 0
    for index, value in enumerate(values):
        first_number = math.isnan(values[found]) and not math.isnan(value)
        if first_number or better(value, values[found]):
            found = index
    return found


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, math.nan]), min_size=1, max_size=12))
def test_the_best_round_is_the_first_that_no_other_beats(values):
    history = history_of(values)
    assume(not all(map(math.isnan, values)))
    assert stopping.highest("x").best(history) == first_best(values, lambda a, b: a > b)
    assert stopping.lowest("x").best(history) == first_best(values, lambda a, b: a < b)


@given(scores, st.integers(1, 5))
def test_patience_runs_out_exactly_when_no_round_has_improved(values, rounds):
    assume(not math.isnan(values[0]))
    monitor = stopping.highest("x")
    stop = stopping.patience(monitor, rounds)
    history = history_of(values)
    since = len(values) - 1 - monitor.best(history)
    assert (stop(history) is not None) == (since >= rounds)
    stopped_at = next((n for n in range(1, len(values) + 1) if stop(history[:n]) is not None), None)
    if stopped_at is not None:  # the rounds before the stop were no better than the best
        window = [monitor.score(row) for row in history[stopped_at - rounds : stopped_at]]
        before = [monitor.score(row) for row in history[: stopped_at - rounds]]
        assert max(window) <= max(before)


def test_patience_names_the_monitor_and_the_rounds():
    stop = stopping.patience(stopping.lowest("x"), 2)
    assert stop(history_of([1.0, 2.0])) is None
    assert stop(history_of([1.0, 2.0, 1.0])) == "x has not improved for 2 rounds"  # a tie is none


@pytest.mark.parametrize("monitor", [stopping.highest("auroc"), stopping.lowest("auroc")])
def test_a_number_that_is_undefined_in_every_round_has_no_best(monitor):
    history = [{"validation/auroc": math.nan}, {"validation/auroc": math.nan}]
    sentence = r"^validation/auroc is undefined \(nan\) in round 1, because .*: choose another"
    for rounds in (1, 2):
        with pytest.raises(ValueError, match=sentence):
            monitor.best(history[:rounds])
        with pytest.raises(ValueError, match=sentence):
            stopping.patience(monitor, 5)(history[:rounds])
    assert monitor.best([*history, {"validation/auroc": 0.5}]) == 2


def test_patience_says_which_round_was_undefined():
    stop = stopping.patience(stopping.highest("x"), 2)
    assert stop(history_of([math.nan, 0.5, math.nan])) is None
    reason = stop(history_of([math.nan, 0.5, 0.4, math.nan]))
    assert reason.startswith("x is undefined (nan) in round 4, because ")
    assert reason.endswith(": choose another monitor or larger validation data")
    assert stop(history_of([math.nan, 0.5, 0.4, 0.5])) == "x has not improved for 2 rounds"


@pytest.mark.parametrize(
    ("monitor", "value", "stops"),
    [
        (stopping.highest("x"), 0.9, True),
        (stopping.highest("x"), 0.8999, False),
        (stopping.lowest("x"), 0.9, True),
        (stopping.lowest("x"), 0.9001, False),
        (stopping.highest("x"), math.nan, False),
        (stopping.lowest("x"), math.nan, False),
    ],
)
def test_a_target_is_reached_from_the_right_side(monitor, value, stops):
    reason = stopping.reached(monitor, 0.9)(history_of([value]))
    assert reason == ("x has reached 0.9" if stops else None)


def test_a_number_that_is_not_in_the_history_is_named():
    row = {"epoch": 1, "validation/auroc": 0.5}
    with pytest.raises(ValueError, match="monitor is 'auc', which is unknown: did you mean auroc"):
        stopping.highest("auc").best([row])


def test_a_monitor_names_a_number_of_validation_or_of_training():
    history = [
        {"train/loss": 3.0, "validation/loss": 1.0},
        {"train/loss": 2.0, "validation/loss": 4.0},
    ]
    assert stopping.lowest("loss").best(history) == 0
    assert stopping.lowest("train/loss").best(history) == 1
    assert stopping.lowest("validation/loss").best(history) == 0
    assert stopping.lowest("train/loss").of_training
    assert not stopping.lowest("loss").of_training


def test_patience_is_at_least_one_round():
    with pytest.raises(ValueError, match="patience is 0, but must be at least 1"):
        stopping.patience(stopping.lowest("x"), 0)
