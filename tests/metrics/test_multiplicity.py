"""Holm's adjustment against its definition as a sequence of decisions."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import metrics


def rejected(p_values, level):
    """The sequential procedure: the smallest p value first, until one fails."""
    left, found = len(p_values), set()
    for number in np.argsort(p_values):
        if p_values[number] > level / left:
            break
        found.add(int(number))
        left -= 1
    return found


@pytest.mark.parametrize("seed", range(20))
def test_an_adjusted_value_below_the_level_is_a_rejection(seed):
    p_values = np.random.default_rng(seed).random(7) ** 3
    adjusted = metrics.holm(p_values)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert set(np.flatnonzero(adjusted <= level).tolist()) == rejected(p_values, level)


def test_tests_that_were_not_made_do_not_count():
    found = metrics.holm(np.array([0.02, np.nan, 0.01]))
    np.testing.assert_allclose(found, [0.02, np.nan, 0.02])
    assert metrics.holm(np.array([])).shape == (0,)


def test_what_is_no_p_value_is_refused():
    with pytest.raises(ValueError, match=r"p_values holds 1.5, but must lie in \[0, 1\]"):
        metrics.holm(np.array([0.5, 1.5]))
