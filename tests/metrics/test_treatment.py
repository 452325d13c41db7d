"""Statistics of treatment effects, held to loops over rows and to published numbers."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import metrics

RANDOM = np.random.default_rng(0)
ROWS = 60
TREATMENT = RANDOM.integers(0, 2, ROWS)
PREDICTED = np.round(RANDOM.normal(size=ROWS), 1)  # with ties
OUTCOME = RANDOM.normal(size=ROWS) + TREATMENT * PREDICTED
EFFECT = PREDICTED + RANDOM.normal(size=ROWS)
PROPENSITY = RANDOM.uniform(0.2, 0.8, ROWS)
TREAT = (PREDICTED > 0).astype(int)
WEIGHTS = RANDOM.integers(0, 3, (5, ROWS))

CASES = {
    "root_pehe": (metrics.root_pehe, (EFFECT, PREDICTED)),
    "ate_error": (metrics.ate_error, (EFFECT, PREDICTED)),
    "policy_value": (metrics.policy_value, (OUTCOME, TREATMENT, TREAT, PROPENSITY)),
    "qini": (metrics.qini, (OUTCOME, TREATMENT, PREDICTED)),
}


@pytest.mark.parametrize("name", CASES)
def test_weights_are_repetitions_of_rows(name):
    statistic, arrays = CASES[name]
    found = statistic(*arrays, weights=WEIGHTS)
    repeated = [statistic(*(np.repeat(array, each) for array in arrays)) for each in WEIGHTS]
    np.testing.assert_allclose(found, repeated, rtol=1e-9, atol=1e-12)


def test_errors_of_effects_by_hand():
    squares = [(p - e) ** 2 for p, e in zip(PREDICTED, EFFECT, strict=True)]
    assert metrics.root_pehe(EFFECT, PREDICTED) == pytest.approx(np.sqrt(sum(squares) / ROWS))
    gap = sum(PREDICTED) / ROWS - sum(EFFECT) / ROWS
    assert metrics.ate_error(EFFECT, PREDICTED) == pytest.approx(abs(gap))


def test_the_value_of_a_policy_by_hand():
    part = whole = 0.0
    for y, t, d, p in zip(OUTCOME, TREATMENT, TREAT, PROPENSITY, strict=True):
        if t == d:
            part += y / (p if t else 1 - p)
            whole += 1 / (p if t else 1 - p)
    assert metrics.policy_value(OUTCOME, TREATMENT, TREAT, PROPENSITY) == pytest.approx(
        part / whole
    )


def test_the_value_of_a_policy_is_the_mean_of_those_who_would_be_treated():
    random = np.random.default_rng(1)
    rows = 200_000
    x = random.uniform(size=rows)
    propensity = 0.2 + 0.6 * x  # who has much to gain is treated more often
    treatment = (random.uniform(size=rows) < propensity).astype(int)
    outcome = treatment * (x - 0.4) + x + random.normal(size=rows) * 0.1
    treat = (x > 0.4).astype(int)
    truth = 0.5 + 0.6**2 / 2
    assert metrics.policy_value(outcome, treatment, treat, propensity) == pytest.approx(
        truth, abs=0.005
    )


def test_a_policy_that_nobody_followed_has_no_value():
    assert np.isnan(metrics.policy_value(OUTCOME, TREATMENT, 1 - TREATMENT, PROPENSITY))


def gains_by_loops():
    """(share, gain) of all groups of rows whose predicted effect reaches a value."""
    points = [(0.0, 0.0)]
    for least in sorted(set(PREDICTED), reverse=True):
        chosen = least <= PREDICTED
        treated, others = chosen & (TREATMENT == 1), chosen & (TREATMENT == 0)
        gain = OUTCOME[treated].sum()
        if others.any():
            gain -= OUTCOME[others].sum() * treated.sum() / others.sum()
        points.append((chosen.mean(), gain / ROWS))
    return np.array(points)


def test_the_curve_and_its_area_by_loops():
    points = gains_by_loops()
    curve = metrics.uplift_curve(OUTCOME, TREATMENT, PREDICTED)
    np.testing.assert_allclose(curve.share, points[:, 0])
    np.testing.assert_allclose(curve.gain, points[:, 1], atol=1e-12)
    line = points[:, 0] * points[-1, 1]
    np.testing.assert_allclose(curve.random, line, atol=1e-12)
    area = 0.0
    for (left, low), (right, high) in zip(
        zip(points[:-1, 0], (points[:, 1] - line)[:-1], strict=True),
        zip(points[1:, 0], (points[:, 1] - line)[1:], strict=True),
        strict=True,
    ):
        area += (right - left) * (low + high) / 2
    assert metrics.qini(OUTCOME, TREATMENT, PREDICTED) == pytest.approx(area)


def test_an_order_that_says_nothing_gains_nothing():
    assert metrics.qini(OUTCOME, TREATMENT, np.zeros(ROWS)) == pytest.approx(0)
    assert metrics.qini(OUTCOME, TREATMENT, EFFECT) > 0 > metrics.qini(OUTCOME, TREATMENT, -EFFECT)


def test_e_values_are_those_of_the_paper():
    # VanderWeele and Ding 2017: breastfeeding and death by respiratory infection, 3.9 (1.8, 8.7).
    found = metrics.e_value(3.9, lower=1.8, upper=8.7)
    assert found.estimate == pytest.approx(7.26, abs=0.005)
    assert found.limit == pytest.approx(3.0, abs=0.005)
    inverse = metrics.e_value(1 / 3.9, lower=1 / 8.7, upper=1 / 1.8)
    np.testing.assert_allclose(inverse, found)
    assert metrics.e_value(1.2, lower=0.9, upper=1.6).limit == 1
    assert metrics.e_value(1.0) == (1.0, None)


def test_an_e_value_is_the_least_confounding_that_explains_the_estimate():
    # The largest bias of a confounder with both risk ratios r is r^2 / (2 r - 1) (Ding's bound).
    r = metrics.e_value(2.5).estimate
    assert r**2 / (2 * r - 1) == pytest.approx(2.5)


def test_a_difference_in_deviations_as_a_risk_ratio():
    assert metrics.risk_ratio_of_difference(1.0, 2.0) == pytest.approx(np.exp(0.455))
