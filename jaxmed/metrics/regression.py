"""Exact statistics of measured values, in float64 on the host.

Each is `statistic(label, value, weights=None) -> float`, or [resamples] where weights
[resamples, rows] are given, as in `jaxmed.metrics.classification`.
"""

import numpy as np

from jaxmed.metrics.weighted import Result, Values, Weights, mean, of_values, ratio
from jaxmed.typing import Num

__all__ = ["mae", "r2", "rmse"]


def mae(label: Num[np.ndarray, "rows"], value: Values, weights: Weights = None) -> Result:
    """Mean absolute error, in the unit of the label."""
    return of_values(
        lambda label, value, columns: mean(np.abs(value - label), columns), label, value, weights
    )


def rmse(label: Num[np.ndarray, "rows"], value: Values, weights: Weights = None) -> Result:
    """Root of the mean squared error, in the unit of the label."""
    return of_values(
        lambda label, value, columns: np.sqrt(mean((value - label) ** 2, columns)),
        label,
        value,
        weights,
    )


def r2(label: Num[np.ndarray, "rows"], value: Values, weights: Weights = None) -> Result:
    """The share of the labels' variance that is explained.

    1 - sum (y - value)^2 / sum (y - mean of y)^2; it is NaN where the labels do not vary, for
    which scikit-learn sets 0 or 1.
    """

    def share(label: np.ndarray, value: np.ndarray, columns: np.ndarray) -> np.ndarray:
        unexplained = mean((value - label) ** 2, columns)
        label = label - label.mean()  # or the variance drowns in a large mean
        squares = mean(label**2, columns)
        variance = squares - mean(label, columns) ** 2
        # Below that, it is the rounding error of labels that do not vary.
        return 1 - ratio(unexplained, np.where(variance > 1e-12 * squares, variance, 0.0))

    return of_values(share, label, value, weights)
