"""Exact statistics of predicted values. Arguments and errors are those of `jaxmed.metrics`."""

from collections.abc import Callable

import numpy as np

from jaxmed.metrics.arguments import label_and_value
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, mean, ratio
from jaxmed.typing import Float, Num

__all__ = ["mae", "r2", "rmse"]


def mae(
    label: Num[np.ndarray, "rows"], value: Float[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Mean absolute error, in the unit of the label.

    Example:
        >>> mae(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
        1.5
    """
    return _of_values(
        lambda label, value, columns: mean(np.abs(value - label), columns), label, value, weights
    )


def rmse(
    label: Num[np.ndarray, "rows"], value: Float[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Root of the mean squared error, in the unit of the label.

    Example:
        >>> rmse(np.array([0.0, 0.0]), np.array([3.0, -3.0]))
        3.0
    """
    return _of_values(
        lambda label, value, columns: np.sqrt(mean((value - label) ** 2, columns)),
        label,
        value,
        weights,
    )


def r2(
    label: Num[np.ndarray, "rows"], value: Float[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Coefficient of determination: the fraction of the labels' variance that is explained.

    1 - sum (y - value)^2 / sum (y - mean of y)^2. It is NaN if the labels do not vary;
    scikit-learn returns 0 or 1 there.

    Example:
        >>> r2(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
        0.0
    """

    def explained(label: np.ndarray, value: np.ndarray, columns: np.ndarray) -> np.ndarray:
        unexplained = mean((value - label) ** 2, columns)
        label = label - label.mean()  # a large mean would cancel the digits of the variance
        squares = mean(label**2, columns)
        variance = squares - mean(label, columns) ** 2
        # A smaller variance is only the rounding error of labels that do not vary.
        return 1 - ratio(unexplained, np.where(variance > 1e-12 * squares, variance, 0.0))

    return _of_values(explained, label, value, weights)


def _of_values(
    formula: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    label: np.ndarray,
    value: np.ndarray,
    weights: Weights,
) -> Result:
    """`formula(label, value, columns)`, after checks."""
    label, value = label_and_value("value", value, label)
    return as_result(formula(label, value, as_columns(weights, len(label))), weights)
