"""Intervals of proportions against SciPy."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from jaxmed import metrics


@pytest.mark.parametrize("method", ["exact", "wilson"])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_they_are_those_of_scipy(method, level):
    for total in (1, 2, 17, 400):
        for count in {0, 1, total // 3, total - 1, total}:
            found = metrics.proportion_interval(count, total, level=level, method=method)
            expected = stats.binomtest(count, total).proportion_ci(level, method)
            assert found.value == count / total
            assert found[1:] == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_all_of_n_have_the_closed_form():
    assert metrics.proportion_interval(20, 20) == (1, pytest.approx(0.025 ** (1 / 20)), 1)


def test_of_no_rows_there_is_no_proportion():
    assert all(math.isnan(part) for part in metrics.proportion_interval(0, 0))


def test_more_than_all_are_refused():
    with pytest.raises(ValueError, match="count is 3, but must be at most 2"):
        metrics.proportion_interval(3, 2)
