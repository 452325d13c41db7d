"""Concordance against loops over all pairs, with ties, causes and resamples."""

from __future__ import annotations

import numpy as np
import pytest
from metrics import survival_by_loops as loops
from metrics.references import agree

from jaxmed import metrics
from jaxmed.metrics import pairs

SEEDS = range(6)
TIMES = np.array([1.0, 2, 3, 5, 8, 12])


@pytest.fixture(params=[1, 7, 4_000_000])
def cells(request, monkeypatch):
    """Chunks of one case, of few, and one chunk."""
    monkeypatch.setattr(pairs, "_CELLS", request.param * 40)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
def test_harrell_is_that_of_loops(seed, ties, cells):
    time, event, risk = loops.cohort(seed, ties=ties)
    agree(metrics.harrell_c(time, event, risk), loops.concordance(time, event, risk))
    time, event, risk = loops.cohort(seed, causes=2, ties=ties)
    for cause in (1, 2):
        agree(
            metrics.harrell_c(time, event, risk, cause=cause, causes=2),
            loops.concordance(time, event, risk, cause),
        )
        agree(
            metrics.harrell_c(time, event, risk, cause=cause, causes=2),
            metrics.harrell_c(time, (event == cause).astype(int), risk),
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_uno_is_that_of_loops(seed, cells):
    time, event, risk = loops.cohort(seed, causes=2)
    horizon = float(np.sort(time)[-4])
    for cause in (1, 2):
        agree(
            metrics.uno_c(time, event, risk, horizon=horizon, cause=cause, causes=2),
            loops.concordance(
                time, event, risk, cause, lambda i: loops.free(time, event, time[i]) ** -2, horizon
            ),
        )


def test_uno_takes_censoring_of_training_rows():
    train = loops.cohort(9, rows=60)[:2]
    time, event, risk = loops.cohort(1)
    horizon = float(min(train[0].max(), time.max()) - 1)
    agree(
        metrics.uno_c(
            time, event, risk, horizon=horizon, train_time=train[0], train_event=train[1]
        ),
        loops.concordance(
            time,
            event,
            risk,
            1,
            lambda i: loops.free(*train, time[i]) ** -2,
            horizon,
        ),
    )


def test_uno_without_censoring_is_harrell():
    time, _, risk = loops.cohort(0)
    event = np.ones(len(time), int)
    agree(metrics.uno_c(time, event, risk), metrics.harrell_c(time, event, risk))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
def test_antolini_is_that_of_loops(seed, ties, cells):
    time, event, risk = loops.cohort(seed, ties=ties)
    predicted = loops.curves(seed, risk, TIMES, ties=ties)
    agree(
        metrics.antolini_c(time, event, predicted, TIMES),
        loops.adjusted_antolini(time, event, predicted, TIMES),
    )


def test_antolini_of_a_cause_counts_others_as_censored():
    time, event, risk = loops.cohort(2, causes=3)
    predicted = loops.curves(2, risk, TIMES)
    agree(
        metrics.antolini_c(time, event, predicted, TIMES, cause=2, causes=3),
        loops.adjusted_antolini(time, event == 2, predicted, TIMES),
    )


def test_antolini_of_curves_that_do_not_cross_is_harrell():
    time, event, risk = loops.cohort(3, ties=False)
    grid = np.sort(time)
    predicted = np.exp(-np.exp(risk)[:, None] * grid / 40)
    agree(metrics.antolini_c(time, event, predicted, grid), metrics.harrell_c(time, event, risk))


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_are_numbers_of_copies(seed, cells):
    time, event, risk = loops.cohort(seed)
    predicted = loops.curves(seed, risk, TIMES)
    weights = metrics.bootstrap_weights(len(time), resamples=3, seed=seed)
    horizon = float(np.sort(time)[-8])
    harrell = metrics.harrell_c(time, event, risk, weights)
    uno = metrics.uno_c(time, event, risk, weights, horizon=horizon)
    antolini = metrics.antolini_c(time, event, predicted, TIMES, weights)
    for r, counts in enumerate(weights.astype(int)):
        t, e, s, p, place = (
            np.repeat(x, counts, axis=0)
            for x in (time, event, risk, predicted, np.arange(len(time)))
        )
        agree(harrell[r], metrics.harrell_c(t, e, s))
        agree(uno[r], metrics.uno_c(t, e, s, horizon=horizon))
        agree(antolini[r], loops.adjusted_antolini(t, e, p, TIMES, place))


def test_intervals_of_a_table():
    time, event, risk = loops.cohort(0)

    def statistic(table, weights):
        return metrics.harrell_c(table["time"], table["event"], table["risk"], weights)

    table = {"time": time, "event": event, "risk": risk}
    value, low, high = metrics.intervals({"c": statistic}, table, resamples=200)["c"]
    assert low < value < high
    agree(value, loops.concordance(time, event, risk))


def test_fractional_weights_give_the_same_at_any_scale():
    time, event, risk = loops.cohort(1)
    weights = np.random.default_rng(0).random((3, len(time)))
    for scale in (0.1, 7.0):
        agree(
            metrics.uno_c(time, event, risk, scale * weights, horizon=6.0),
            metrics.uno_c(time, event, risk, weights, horizon=6.0),
        )


def test_resamples_without_a_pair_are_undefined():
    time, event, risk = np.array([1.0, 2, 3]), np.array([1, 0, 0]), np.arange(3.0)
    weights = np.array([[1, 1, 1], [0, 1, 2], [3, 0, 0]])
    assert np.isnan(metrics.harrell_c(time, event, risk, weights)).tolist() == [False, True, True]
    predicted = np.full((3, 1), 0.5)
    found = metrics.antolini_c(time, event, predicted, np.array([1.0]), weights)
    assert np.isnan(found).tolist() == [False, True, True]


def test_a_resample_without_censoring_survival_at_an_event_is_undefined():
    time, event, risk = np.array([1.0, 2, 2, 3]), np.array([1, 1, 0, 0]), np.arange(4.0)
    weights = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    found = metrics.uno_c(time, event, risk, weights, horizon=3.0)
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ([0, 0, 0], "event holds 1 in none of 3 rows, so no two rows can be compared"),
        ([0, 0, 1], "time holds no row that is observed beyond the first event at 3, so no two"),
    ],
)
def test_without_a_comparable_pair_the_message_says_so(event, said):
    time, event, risk = np.array([1.0, 2, 3]), np.array(event), np.arange(3.0)
    with pytest.raises(ValueError, match=said):
        metrics.harrell_c(time, event, risk)
    with pytest.raises(ValueError, match=said):
        metrics.uno_c(time, event, risk)
    with pytest.raises(ValueError, match=said):
        metrics.antolini_c(time, event, np.full((3, 1), 0.5), np.array([1.0]))


def test_uno_names_the_largest_horizon():
    time, event, risk = np.array([1.0, 2, 3, 3]), np.array([1, 0, 1, 0]), np.arange(4.0)
    with pytest.raises(ValueError, match=r"censoring survival is 0.*horizon of at most 3"):
        metrics.uno_c(time, event, risk)
    with pytest.raises(ValueError, match=r"horizon is 3\.5, but must be at most 3"):
        metrics.uno_c(time, event, risk, horizon=3.5)
    with pytest.raises(ValueError, match="horizon is 1, before which no row has an event"):
        metrics.uno_c(time, event, risk, horizon=1.0)
    metrics.uno_c(time, event, risk, horizon=3.0)
