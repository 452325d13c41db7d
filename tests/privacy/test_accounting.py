"""Epsilon against published figures, closed forms and the plain definition of privacy."""

from __future__ import annotations

import math

import pytest
from scipy import optimize, stats

from jaxmed.privacy import DPSGD, dp_sgd, epsilon_of, noise_multiplier_for, total_epsilon
from jaxmed.privacy.accounting import quick_bound
from jaxmed.privacy.sampling import capacity_for, overflow

# Opacus's three settings of MNIST: noise, steps; epsilon by PLD, by RDP, and as published.
PUBLISHED = [
    (1.3, 15 * 250, 0.8336, 0.92205, 1.160),
    (1.1, 60 * 250, 2.2955, 2.50287, 2.905),
    (0.7, 45 * 250, 5.4312, 6.0937, 6.860),
]


@pytest.mark.parametrize(("noise", "steps", "pld", "rdp", "published"), PUBLISHED)
def test_published_settings_cost_what_was_published(noise, steps, pld, rdp, published):
    found = {
        name: epsilon_of([(0.004, noise, steps)], 1e-5, accountant=name)
        for name in ("pld", "rdp", "rdp_2019")
    }
    assert found["pld"] == pytest.approx(pld, rel=5e-3)
    assert found["rdp"] == pytest.approx(rdp, rel=1e-4)
    assert found["rdp_2019"] == pytest.approx(published, rel=1e-3)


def test_a_gaussian_alone_is_that_of_balle_and_wang():
    """Analytic Gaussian mechanism, 2018, theorem 8: delta in closed form, sensitivity 1."""

    def delta(epsilon):
        a, b = 1 / (2 * 2.0), epsilon * 2.0
        return stats.norm.cdf(a - b) - math.exp(epsilon) * stats.norm.cdf(-a - b)

    exact = optimize.brentq(lambda epsilon: delta(epsilon) - 1e-5, 1e-3, 10)
    assert epsilon_of([(1.0, 2.0, 1)], 1e-5) == pytest.approx(exact, rel=2e-3)
    # Four of twice the deviation are one of the deviation.
    assert epsilon_of([(1.0, 4.0, 4)], 1e-5) == pytest.approx(exact, rel=2e-3)


def test_trainings_add_up():
    half = (0.01, 1.0, 500)
    assert epsilon_of([half, half], 1e-5) == pytest.approx(epsilon_of([(0.01, 1.0, 1000)], 1e-5))
    assert epsilon_of([], 1e-5) == 0
    assert epsilon_of([half, (0.01, 0.0, 1)], 1e-5) == math.inf


def test_the_quick_bound_is_above():
    for release in ((0.004, 1.3, 3750), (1.0, 5.0, 10), (0.03, 0.8, 100)):
        assert quick_bound(release, 1e-5) >= epsilon_of([release], 1e-5)
    assert quick_bound((0.1, 0.0, 1), 1e-5) == math.inf


@pytest.mark.parametrize(("epsilon", "rate", "steps"), [(1.0, 0.01, 300), (8.0, 1.0, 20)])
def test_the_noise_reaches_the_target_and_little_less_does_not(epsilon, rate, steps):
    noise = noise_multiplier_for(epsilon=epsilon, delta=1e-5, sampling_rate=rate, steps=steps)
    assert epsilon_of([(rate, noise, steps)], 1e-5) <= epsilon
    assert epsilon_of([(rate, noise * 0.997, steps)], 1e-5) > epsilon


def test_the_capacity_is_the_smallest():
    found = capacity_for(units=1000, sampling_rate=0.1, probability=1e-6)
    exact = stats.binom(1000, 0.1)
    assert exact.sf(found) <= 1e-6 < exact.sf(found - 1)
    assert capacity_for(units=1000, sampling_rate=0.1, probability=1e-6, multiple=64) % 64 == 0
    assert capacity_for(units=7, sampling_rate=1.0, probability=1e-6, multiple=4) == 8
    assert overflow(7, 1.0, 8) == 0


def test_the_target_holds_with_what_overflowing_costs():
    found = dp_sgd(units=2000, batch_size=100, steps=200, epsilon=2.0, delta=1e-5)
    assert found.capacity % 32 == 0
    assert found.microbatches == found.capacity // 32
    assert 1.98 < found.epsilon() <= 2.0
    failing = found.steps * overflow(2000, 0.05, found.capacity)
    assert 0 < (1 + math.exp(2.0)) * failing <= 1e-3 * 1e-5


def test_batches_that_overflow_often_keep_no_promise():
    small = DPSGD(
        units=2000, batch_size=100, steps=200, clip=1, noise_multiplier=1, delta=1e-5, capacity=100
    )
    assert small.epsilon() == math.inf
    assert total_epsilon([], 1e-5) == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"delta": 1e-3}, "at most 1 / units, 0.0005"),
        ({"epsilon": 1e-6}, "which no noise_multiplier up to 1,000 reaches in 100 steps"),
        ({"noise_multiplier": 1.0}, "both given"),
        ({"epsilon": None}, "both missing"),
        ({"batch_size": 2001}, "but there are 2000 units"),
        ({"rows_per_unit": 2}, "but unit is 'row'"),
        ({"clip": 0}, "clip is 0"),
    ],
)
def test_what_nothing_private_can_be_made_of_is_refused(changed, words):
    good = {"units": 2000, "batch_size": 100, "steps": 100, "epsilon": 2.0, "delta": 1e-5}
    with pytest.raises(ValueError, match=words):
        dp_sgd(**{**good, **changed})
