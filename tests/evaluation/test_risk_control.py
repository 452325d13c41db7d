"""Thresholds with promised sensitivity: SciPy's binomial, simulated calibrations, small sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxmed.evaluation import risk_control


def by_hand(scores, sensitivity, delta):
    """Learn then test, from the lowest threshold on: reject while the p-value is small enough."""
    kept = None
    for threshold in np.sort(scores):
        missed = int((scores < threshold).sum())
        if stats.binom(len(scores), 1 - sensitivity).cdf(missed) > delta:
            break
        kept = threshold
    return kept


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    rows=st.integers(60, 300),
    sensitivity=st.sampled_from([0.8, 0.9, 0.95]),
    delta=st.sampled_from([0.05, 0.1, 0.5]),
)
def test_the_threshold_is_that_of_the_binomial_test(seed, rows, sensitivity, delta):
    scores = np.random.default_rng(seed).uniform(size=rows).astype(np.float32)
    label, p = np.r_[np.ones(rows, int), np.zeros(5, int)], np.r_[scores, np.full(5, 0.5)]
    found = risk_control(label, p, sensitivity=sensitivity, delta=delta)
    assert found.threshold == by_hand(scores, sensitivity, delta)
    assert found.positives == rows
    assert found.missed == (scores < found.threshold).sum()


@pytest.mark.parametrize("guarantee", ["probability", "expectation"])
def test_the_guarantee_holds_over_calibrations(guarantee):
    """Scores are uniform, so that the true sensitivity at a threshold t is 1 - t."""
    random = np.random.default_rng(0)
    reached = np.array([
        1 - risk_control(
            np.ones(150, int), random.uniform(size=150), sensitivity=0.9, delta=0.1,
            guarantee=guarantee,
        ).threshold
        for _ in range(1500)
    ])  # fmt: skip
    held, error = np.mean(reached >= 0.9), 3 * np.sqrt(0.09 / 1500)
    if guarantee == "probability":
        assert 0.9 - error < held < 0.97
        return
    # The k-th of n uniform numbers is 1 - k / (n + 1) from above, on average.
    assert reached.mean() == pytest.approx(1 - 15 / 151, abs=3 * 0.025 / np.sqrt(1500))
    assert held < 0.7


@pytest.mark.parametrize(
    ("guarantee", "sensitivity", "delta", "least"),
    [("probability", 0.95, 0.05, 59), ("probability", 0.9, 0.1, 22), ("probability", 0.5, 0.25, 2),
     ("expectation", 0.95, 0.05, 19), ("expectation", 0.9, 0.05, 9)],
)  # fmt: skip
def test_too_few_positives_are_refused_with_the_smallest_number(
    guarantee, sensitivity, delta, least
):
    options = {"guarantee": guarantee, "sensitivity": sensitivity, "delta": delta}
    p = np.linspace(0.1, 0.9, least)
    assert risk_control(np.ones(least, int), p, **options).missed == 0
    label = np.r_[np.ones(least - 1, int), np.zeros(1, int)]
    with pytest.raises(ValueError, match=f"{least - 1} positive rows.* at least {least}: add"):
        risk_control(label, p, **options)


def test_the_threshold_is_rounded_down_to_float32():
    p = np.full(100, 0.1)  # float32(0.1) is above 0.1
    found = risk_control(np.ones(100, int), p)
    assert np.float32(found.threshold) == found.threshold <= 0.1
    assert (np.float32(p) >= np.float32(found.threshold)).all()
    assert "with a probability of 0.95 over calibrations" in str(found)
    other = risk_control(np.ones(100, int), p, guarantee="expectation")
    assert "on average over calibrations" in str(other)
