"""R2 where its variance is small; all three against scikit-learn in test_weighted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.references import REGRESSION, TRUTH, agree
from sklearn import metrics as sklearn

from jaxmed import metrics


def test_labels_that_do_not_vary_have_no_r2():
    value = np.arange(5.0)
    assert math.isnan(metrics.r2(np.full(5, 0.1), value))
    weights = np.array([[1, 0, 0, 0, 4], [1, 1, 1, 1, 1]])
    scores = metrics.r2(np.array([1e6 + 0.1, 1e6, 1e6, 1e6, 1e6 + 0.1]), value, weights)
    np.testing.assert_array_equal(np.isnan(scores), [True, False])


def test_r2_of_labels_far_from_zero():
    agree(metrics.r2(1e6 + TRUTH, 1e6 + REGRESSION[1]), sklearn.r2_score(*REGRESSION))


@pytest.mark.parametrize("statistic", [metrics.mae, metrics.rmse, metrics.r2])
def test_values_that_are_not_finite_are_named(statistic):
    with pytest.raises(ValueError, match="value is not finite in 1 of 2 rows, first in row 1"):
        statistic(np.ones(2), np.array([1, np.inf]))
    with pytest.raises(ValueError, match="label is not finite in 1 of 2 rows, first in row 1"):
        statistic(np.array([1, np.nan]), np.ones(2))
