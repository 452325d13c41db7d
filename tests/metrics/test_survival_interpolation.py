"""Predicted survival at other times, held to NumPy's interpolation of logarithms."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.metrics import incidence_at, survival_at
from jaxmed.metrics.survival_interpolation import own_survival

RANDOM = np.random.default_rng(0)
ENDS = np.array([1.0, 3.0, 4.0, 10.0])
SURVIVAL = np.sort(RANDOM.uniform(0.05, 1, (20, 4)))[:, ::-1]
TIMES = np.array([0.0, 0.25, 1.0, 2.0, 3.9, 9.0, 10.0, 50.0])


def by_numpy(survival, times):
    return np.exp([np.interp(times, [0, *ENDS], np.log([1, *row])) for row in survival])


def test_hazards_are_constant_between_the_ends():
    np.testing.assert_allclose(
        survival_at(SURVIVAL, ENDS, TIMES), by_numpy(SURVIVAL, TIMES), rtol=1e-12
    )


def test_at_a_time_per_row():
    time = RANDOM.uniform(0, 12, 20)
    expected = [by_numpy([row], [t])[0, 0] for row, t in zip(SURVIVAL, time, strict=True)]
    np.testing.assert_allclose(own_survival(SURVIVAL, ENDS, time), expected, rtol=1e-12)


def test_no_survival_left_is_finite_and_stays():
    gone = survival_at(np.array([[0.5, 0.0]]), np.array([1.0, 2.0]), np.array([1.5, 2.0, 9.0]))
    assert np.isfinite(gone).all()
    assert 0 < gone[0, 1] == gone[0, 2] < 1e-11


def test_an_end_at_0_is_refused():
    with pytest.raises(ValueError, match="ends begins with 0, but must be above 0"):
        survival_at(SURVIVAL, np.array([0.0, 1, 2, 3]), TIMES)


def test_incidence_between_ends_has_constant_hazards():
    rates = np.array([0.1, 0.03])
    ends, times = np.array([4.0, 10.0]), np.array([0.0, 1.0, 4.0, 7.5, 10.0, 12.0])

    def truth(t):
        return (1 - np.exp(-rates.sum() * t))[:, None] * rates / rates.sum()

    found = incidence_at(truth(ends)[None], ends, times)[0]
    np.testing.assert_allclose(found, truth(np.minimum(times, 10.0)), atol=1e-12)
