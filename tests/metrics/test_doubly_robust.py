"""Doubly robust scores, held to loops and to known effects; diagnostics of overlap."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jaxmed import metrics

RANDOM = np.random.default_rng(0)
ROWS = 20_000
X = RANDOM.uniform(-1, 1, ROWS)
P = 1 / (1 + np.exp(-2 * X))
T = (RANDOM.uniform(size=ROWS) < P).astype(int)
MU0, MU1 = X, 1 + 3 * X
Y = np.where(T == 1, MU1, MU0) + RANDOM.normal(size=ROWS)
ZERO, HALF = np.zeros(ROWS), np.full(ROWS, 0.5)


def test_scores_by_loops():
    found = metrics.dr_outcomes(Y[:50], T[:50], MU0[:50], MU1[:50], P[:50])
    for i in range(50):
        if T[i]:
            expected = MU1[i] - MU0[i] + (Y[i] - MU1[i]) / P[i]
        else:
            expected = MU1[i] - MU0[i] - (Y[i] - MU0[i]) / (1 - P[i])
        assert found[i] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("mu0", "mu1", "propensity", "right"),
    [
        (MU0, MU1, P, True),
        (MU0, MU1, HALF, True),
        (ZERO, ZERO, P, True),
        (ZERO, ZERO, HALF, False),
    ],
    ids=["both", "outcomes", "propensities", "neither"],
)
def test_the_average_is_right_if_one_of_both_is(mu0, mu1, propensity, right):
    found = metrics.average_effect(metrics.dr_outcomes(Y, T, mu0, mu1, propensity), level=0.999)
    assert (found.low < 1 < found.high) == right


def test_the_interval_is_that_of_a_mean():
    scores = np.array([1.0, 2.0, 4.0, 8.0])
    found = metrics.average_effect(scores)
    z = stats.norm.ppf(0.975)
    assert found.value == pytest.approx(3.75)
    assert found.high - found.value == pytest.approx(z * stats.sem(scores))
    assert found.value - found.low == pytest.approx(z * stats.sem(scores))


def test_the_true_effects_have_the_best_score():
    mean = MU0 + P * (MU1 - MU0)

    def score(effect, weights=None):
        return metrics.r_score(Y, T, effect, mean, P, weights)

    truth = MU1 - MU0
    assert score(truth) < min(score(truth + 0.5), score(truth * 0.5), score(ZERO + 1))
    by_hand = np.mean([(y - m - (t - p) * e) ** 2 for y, m, t, p, e in
                       zip(Y, mean, T, P, truth, strict=True)])  # fmt: skip
    assert score(truth) == pytest.approx(by_hand)
    half = (np.arange(ROWS) < ROWS // 2).astype(int)
    first = metrics.r_score(*(each[: ROWS // 2] for each in (Y, T, truth, mean, P)))
    np.testing.assert_allclose(score(truth, half[None]), [first])


def test_weighting_by_true_propensities_balances_the_arms():
    features = np.stack([X, RANDOM.normal(size=ROWS), np.ones(ROWS)], axis=1)
    found = metrics.arm_overlap(features, T, P)
    spread = np.sqrt((X[T == 1].var() + X[T == 0].var()) / 2)
    assert found.difference[0] == pytest.approx((X[T == 1].mean() - X[T == 0].mean()) / spread)
    assert abs(found.weighted_difference[0]) < 0.1 * abs(found.difference[0])
    assert found.difference[2] == 0  # a column that never varies
    assert found.outside == 0
    weights = 1 / P[T == 1]
    assert found.effective_rows[1] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.effective_rows[1] < T.sum()
    assert metrics.arm_overlap(features, T, HALF).effective_rows[0] == (T == 0).sum()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_propensities_of_0_and_1_are_refused(value):
    propensity = P.copy()
    propensity[7] = value
    for statistic in (
        lambda: metrics.dr_outcomes(Y, T, MU0, MU1, propensity),
        lambda: metrics.arm_overlap(X[:, None], T, propensity),
        lambda: metrics.policy_value(Y, T, T, propensity),
    ):
        with pytest.raises(ValueError, match=rf"^propensity is {value:g} in row 7 \(1 such rows"):
            statistic()
