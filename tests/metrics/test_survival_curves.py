"""Curves of observed survival and the log-rank test against loops and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from metrics import survival_by_loops as loops
from metrics.references import agree
from scipy import stats

from jaxmed import metrics

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_curves_are_those_of_loops(seed):
    time, event, _ = loops.cohort(seed, causes=2)
    found = metrics.kaplan_meier(time, (event > 0).astype(int))
    agree(found.survival, [loops.survival(time, event, t) for t in found.times])
    agree(found.at_risk, [(time >= t).sum() for t in found.times])
    agree(found.events, [((time == t) & (event > 0)).sum() for t in found.times])
    hazard = metrics.nelson_aalen(time, (event > 0).astype(int))
    agree(hazard.hazard, np.cumsum(found.events / found.at_risk))
    agree(hazard.variance, np.cumsum(found.events / found.at_risk**2))
    of_causes = metrics.aalen_johansen(time, event, 2)
    for k in (1, 2):
        agree(of_causes.incidence[k - 1], [loops.incidence(time, event, k, t) for t in found.times])
    agree(of_causes.incidence.sum(axis=0) + of_causes.survival, np.ones(len(found.times)))
    agree(of_causes.survival, found.survival)


def test_without_censoring_survival_is_the_fraction_left_and_its_variance_binomial():
    time = np.array([1.0, 2, 2, 3, 5, 8, 9, 9])
    found = metrics.kaplan_meier(time, np.ones(8, int), level=0.9)
    left = np.array([(time > t).mean() for t in found.times])
    agree(found.survival, left)
    agree(found.variance[:-1], (left * (1 - left) / 8)[:-1])
    assert np.isnan([found.variance[-1], found.low[-1], found.high[-1]]).all()
    inner = left[:-1]
    error = stats.norm.isf(0.05) * np.sqrt(found.variance[:-1]) / (inner * np.abs(np.log(inner)))
    agree(found.low[:-1], np.exp(-np.exp(np.log(-np.log(inner)) + error)))
    agree(found.high[:-1], np.exp(-np.exp(np.log(-np.log(inner)) - error)))


def test_before_the_first_event_the_interval_is_one_point():
    found = metrics.kaplan_meier(np.array([1.0, 2, 3]), np.array([0, 1, 0]))
    assert (found.survival[0], found.variance[0], found.low[0], found.high[0]) == (1, 0, 1, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_are_numbers_of_copies(seed):
    time, event, _ = loops.cohort(seed, causes=2)
    weights = metrics.bootstrap_weights(len(time), resamples=4, seed=seed)
    one = (event > 0).astype(int)
    curve = metrics.kaplan_meier(time, one, weights)
    hazard = metrics.nelson_aalen(time, one, weights)
    of_causes = metrics.aalen_johansen(time, event, 2, weights)
    assert of_causes.incidence.shape == (4, 2, len(curve.times))
    for r, counts in enumerate(weights.astype(int)):
        copied = [np.repeat(x, counts) for x in (time, one, event)]
        own = metrics.kaplan_meier(copied[0], copied[1])
        places = np.searchsorted(curve.times, own.times)
        for name in ("survival", "at_risk", "events", "variance", "low", "high"):
            agree(getattr(curve, name)[r, places], getattr(own, name))
        agree(hazard.hazard[r, places], metrics.nelson_aalen(copied[0], copied[1]).hazard)
        agree(
            of_causes.incidence[r][:, places],
            metrics.aalen_johansen(copied[0], copied[2], 2).incidence,
        )


def test_restricted_mean_without_censoring_is_the_mean_of_the_cut_times():
    time = np.random.default_rng(0).exponential(5, 30)
    curve = metrics.kaplan_meier(time, np.ones(30, int))
    for horizon in (0.01, 2.0, float(time[3]), float(time.max())):
        agree(metrics.restricted_mean(curve, horizon), np.minimum(time, horizon).mean())


def test_restricted_mean_of_resamples_is_undefined_beyond_their_end():
    time, event = np.array([1.0, 2, 3, 4]), np.array([1, 0, 1, 0])
    weights = np.array([[1, 1, 1, 1], [1, 3, 0, 0], [2, 0, 2, 0]])
    found = metrics.restricted_mean(metrics.kaplan_meier(time, event, weights), 3.5)
    whole = metrics.kaplan_meier(time, event)
    agree(found[0], metrics.restricted_mean(whole, 3.5))
    assert np.isnan(found[1])  # ends at 2, with a survival of 3/4
    agree(found[2], 1 + 2 * 0.5)  # ends at 3, where survival is 0


def test_restricted_mean_names_the_largest_horizon():
    curve = metrics.kaplan_meier(np.array([1.0, 2.5]), np.array([1, 0]))
    with pytest.raises(ValueError, match=r"horizon is 3, but must be at most 2\.5"):
        metrics.restricted_mean(curve, 3.0)


@pytest.mark.parametrize("groups", [2, 3, 5])
def test_log_rank_is_that_of_loops(groups):
    time, event, _ = loops.cohort(groups, rows=60)
    group = np.random.default_rng(1).integers(0, groups, 60)
    found = metrics.log_rank(time, event, group)
    difference, covariance = np.zeros(groups), np.zeros((groups, groups))
    for t in sorted(set(time[event > 0])):
        at_risk = np.array([((time >= t) & (group == g)).sum() for g in range(groups)])
        died = np.array([((time == t) & (event > 0) & (group == g)).sum() for g in range(groups)])
        n, d = at_risk.sum(), died.sum()
        difference += died - d * at_risk / n
        if n > 1:
            share = at_risk / n
            covariance += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    statistic = difference[1:] @ np.linalg.solve(covariance[1:, 1:], difference[1:])
    agree(found.statistic, statistic)
    agree(found.p_value, stats.chi2.sf(statistic, groups - 1))
    agree(found.observed - found.expected, difference)
    assert found.degrees == groups - 1
    words = metrics.log_rank(time, event, np.array(list("abcde"))[group])
    assert words.statistic == pytest.approx(found.statistic)
    assert words.groups.tolist() == list("abcde")[:groups]


def test_a_group_that_leaves_before_the_first_event_takes_no_degree():
    time = np.array([1.0, 1, 2, 3, 4, 5, 6])
    event = np.array([0, 0, 1, 1, 0, 1, 1])
    group = np.array([2, 2, 0, 1, 0, 1, 0])
    found = metrics.log_rank(time, event, group)
    two = metrics.log_rank(time[2:], event[2:], group[2:])
    assert found.degrees == 1
    agree(found.statistic, two.statistic)


def test_log_rank_needs_events():
    with pytest.raises(ValueError, match="event holds 0 events"):
        metrics.log_rank(np.array([1.0, 2]), np.array([0, 0]), np.array([0, 1]))


def test_undeclared_causes_are_refused():
    time, event = np.array([1.0, 2, 3]), np.array([0, 1, 2])
    with pytest.raises(ValueError, match=r"event holds 2, but must hold whole numbers in 0 \.\. 1"):
        metrics.kaplan_meier(time, event)
    with pytest.raises(ValueError, match="time holds -1"):
        metrics.aalen_johansen(time - 2, event, 2)
