"""Settings drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.search import log_uniform, random_settings, uniform


def test_random_settings_fill_their_ranges():
    draws = {"rate": log_uniform(1e-4, 1e-2), "dropout": uniform(0, 0.5)}
    found = random_settings(draws, 4000, seed=1)
    exponents = np.log10(found["rate"])
    assert -4 <= exponents.min() < -3.99
    assert -2.01 < exponents.max() <= -2
    np.testing.assert_allclose(exponents.mean(), -3, atol=0.03)
    np.testing.assert_allclose(found["dropout"].mean(), 0.25, atol=0.01)
    assert abs(np.corrcoef(exponents, found["dropout"])[0, 1]) < 0.05
    again = random_settings({"rate": draws["rate"]}, 4000, seed=1)
    np.testing.assert_array_equal(again["rate"], found["rate"])


def test_ranges_are_checked():
    with pytest.raises(ValueError, match="low is 0, but must be greater than 0"):
        log_uniform(0, 1)
    with pytest.raises(ValueError, match="low is 2 and high is 1"):
        uniform(2, 1)
    with pytest.raises(ValueError, match="count is 0"):
        random_settings({"rate": uniform(0, 1)}, 0, seed=1)
