"""Brier score, AUROC and calibration at times against loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from metrics import survival_by_loops as loops
from metrics.references import agree
from sklearn.metrics import roc_auc_score

from jaxmed import metrics

SEEDS = range(5)
TIMES = np.array([1.0, 2, 4])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("causes", [1, 2])
def test_scores_are_those_of_loops(seed, causes):
    time, event, risk = loops.cohort(seed, causes=causes)
    predicted = loops.curves(seed, risk, TIMES, ties=False)
    for cause in range(1, causes + 1):
        of = {"cause": cause, "causes": causes}
        curve = metrics.brier_curve(time, event, predicted, TIMES, **of)
        agree(
            curve,
            [loops.brier(time, event, predicted[:, k], t, cause) for k, t in enumerate(TIMES)],
        )
        agree(
            metrics.integrated_brier(time, event, predicted, TIMES, **of),
            (0.5 * (curve[0] + curve[1]) + (curve[1] + curve[2])) / 3,
        )
        agree(
            metrics.auroc_at(time, event, risk, TIMES, **of),
            [loops.auroc(time, event, risk, t, cause) for t in TIMES],
        )
        agree(
            metrics.auroc_at(time, event, 1 - predicted, TIMES, **of),
            [loops.auroc(time, event, 1 - predicted[:, k], t, cause) for k, t in enumerate(TIMES)],
        )


def test_censoring_of_training_rows():
    train = loops.cohort(9, rows=60)[:2]
    time, event, risk = loops.cohort(1)
    predicted = loops.curves(1, risk, TIMES)
    given = {"train_time": train[0], "train_event": train[1]}
    agree(
        metrics.brier_curve(time, event, predicted, TIMES, **given),
        [loops.brier(time, event, predicted[:, k], t, 1, train) for k, t in enumerate(TIMES)],
    )
    weights = np.ones((2, len(time)))
    agree(
        metrics.brier_curve(time, event, predicted, TIMES, weights, **given)[1],
        metrics.brier_curve(time, event, predicted, TIMES, **given),
    )


def test_without_censoring_they_are_the_plain_scores():
    time, _, risk = loops.cohort(0)
    event = np.ones(len(time), int)
    predicted = loops.curves(0, risk, TIMES)
    alive = time[:, None] > TIMES
    agree(
        metrics.brier_curve(time, event, predicted, TIMES), ((alive - predicted) ** 2).mean(axis=0)
    )
    agree(
        metrics.auroc_at(time, event, risk, TIMES),
        [roc_auc_score(~alive[:, k], risk) for k in range(3)],
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_are_numbers_of_copies(seed):
    time, event, risk = loops.cohort(seed, causes=2)
    predicted = loops.curves(seed, risk, TIMES)
    weights = metrics.bootstrap_weights(len(time), resamples=3, seed=seed)
    of = {"cause": 2, "causes": 2}
    times = np.array([3.0, 4, 5])  # a resample may hold no event of the cause before
    brier = metrics.brier_curve(time, event, predicted, times, weights, **of)
    whole = metrics.integrated_brier(time, event, predicted, times, weights, **of)
    area = metrics.auroc_at(time, event, risk, times, weights, **of)
    for r, counts in enumerate(weights.astype(int)):
        t, e, s, p = (np.repeat(x, counts, axis=0) for x in (time, event, risk, predicted))
        agree(brier[r], metrics.brier_curve(t, e, p, times, **of))
        agree(whole[r], metrics.integrated_brier(t, e, p, times, **of))
        agree(area[r], metrics.auroc_at(t, e, s, times, **of))


def test_a_resample_that_is_censored_before_a_time_is_undefined():
    time, event = np.array([1.0, 2, 2, 4]), np.array([1, 1, 0, 1])
    weights = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])
    predicted = np.full((4, 1), 0.5)
    found = metrics.brier_curve(time, event, predicted, np.array([3.0]), weights)[:, 0]
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize("causes", [1, 2])
def test_calibration_compares_groups_with_their_curves(causes):
    time, event, risk = loops.cohort(5, rows=120, causes=causes)
    probability = 1 / (1 + np.exp(-risk))
    found = metrics.calibration_at(
        time, event, probability, 3.0, groups=4, cause=causes, causes=causes
    )
    cuts = np.quantile(probability, [0.25, 0.5, 0.75])
    place = np.searchsorted(cuts, probability, side="right")
    for g in range(4):
        agree(found.predicted[g], probability[place == g].mean())
        agree(found.observed[g], loops.incidence(time[place == g], event[place == g], causes, 3.0))
        assert found.rows[g] == (place == g).sum()
    agree(found.gap, np.average(np.abs(found.predicted - found.observed), weights=found.rows))
    weights = np.stack([np.ones(120), 2 * np.ones(120)])
    of_both = metrics.calibration_at(
        time, event, probability, 3.0, weights, groups=4, cause=causes, causes=causes
    )
    agree(of_both.observed, np.stack([found.observed] * 2))
    agree(of_both.gap, [found.gap] * 2)


def test_calibration_of_the_observed_probability_is_perfect():
    time, event, _ = loops.cohort(0)
    observed = 1 - loops.survival(time, event, 3.0)
    found = metrics.calibration_at(time, event, np.full(len(time), observed), 3.0)
    assert len(found.rows) == 1
    assert found.gap == pytest.approx(0, abs=1e-12)


def test_calibration_in_resamples_is_that_of_copies():
    time, event, risk = loops.cohort(5, rows=120)
    probability = 1 / (1 + np.exp(-risk))
    weights = metrics.bootstrap_weights(120, resamples=3, seed=0)
    found = metrics.calibration_at(time, event, probability, 2.0, weights, groups=3)
    place = np.searchsorted(np.quantile(probability, [1 / 3, 2 / 3]), probability, side="right")
    for r, counts in enumerate(weights.astype(int)):
        t, e, g = (np.repeat(x, counts) for x in (time, event, place))
        agree(found.observed[r], [1 - loops.survival(t[g == k], e[g == k], 2.0) for k in range(3)])
    short = np.where(place == 0, time <= 1, 1)[None].astype(float)
    gap = metrics.calibration_at(time, event, probability, 2.0, short, groups=3).gap
    assert np.isnan(gap).all()


def test_messages_name_the_largest_time():
    time, event = np.array([1.0, 2, 3, 3]), np.array([1, 0, 1, 0])
    predicted = np.array([[0.5]] * 4)
    with pytest.raises(ValueError, match=r"times holds 3, where the censoring survival.*below 3"):
        metrics.brier_curve(time, event, predicted, np.array([3.0]))
    with pytest.raises(ValueError, match="times holds 4, but must be at most 3"):
        metrics.auroc_at(time, event, predicted[:, 0], np.array([4.0]))
    with pytest.raises(ValueError, match=r"times holds 0\.5, at which there are no cases"):
        metrics.auroc_at(time, event, predicted[:, 0], np.array([0.5]))
    ended = np.array([1, 0, 1, 1])
    agree(
        metrics.brier_curve(time, ended, predicted, np.array([3.0])),
        [loops.brier(time, ended, predicted[:, 0], 3.0)],
    )
    with pytest.raises(ValueError, match="at which there are no controls"):
        metrics.auroc_at(time, ended, predicted[:, 0], np.array([3.0]))
    with pytest.raises(ValueError, match="horizon is 4, but must be at most 3"):
        metrics.calibration_at(time, event, predicted[:, 0], 4.0)
    with pytest.raises(ValueError, match=r"survival increases by 0\.25 along the times of row 0"):
        metrics.brier_curve(time, event, np.array([[0.5, 0.75]] * 4), np.array([1.0, 2]))
