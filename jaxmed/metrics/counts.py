"""Exact statistics of predicted counts, in float64 on the host.

Each takes the counts [rows], the expected counts [rows] (rate times exposure) and, for a bootstrap,
weights [resamples, rows]; without weights it gives one number, else [resamples].
"""

import numpy as np

from jaxmed.metrics.arguments import label_and_value
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, mean, ratio
from jaxmed.typing import Float, Num

__all__ = [
    "calibration_in_the_large",
    "deviance_explained",
    "mean_negative_binomial_deviance",
    "mean_poisson_deviance",
]


def mean_poisson_deviance(
    count: Num[np.ndarray, "rows"], expected: Float[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Mean of 2 (y log(y / mu) - y + mu), 0 where every count is as expected.

    References:
        McCullagh and Nelder, Generalized Linear Models, 1989, section 2.3, table 2.1.

    Example:
        >>> mean_poisson_deviance(np.array([1, 2]), np.array([1.0, 2.0]))
        0.0
    """
    count, expected = _checked(count, expected)
    return _mean(2 * (_log_ratio(count, expected) - count + expected), weights)


def mean_negative_binomial_deviance(
    count: Num[np.ndarray, "rows"],
    expected: Float[np.ndarray, "rows"],
    dispersion: Float[np.ndarray, "rows"],
    weights: Weights = None,
) -> Result:
    """Mean of 2 (y log(y / mu) - (y + 1/a) log((1 + a y) / (1 + a mu))) with variance mu + a mu^2.

    Args:
        count: y, whole numbers of at least 0.
        expected: mu, above 0.
        dispersion: a, above 0.
        weights: [resamples, rows], at least 0.

    References:
        Hilbe, Negative Binomial Regression, 2011, section 8.2.
    """
    count, expected = _checked(count, expected)
    a = np.asarray(dispersion, np.float64)
    spread = (count + 1 / a) * np.log((1 + a * count) / (1 + a * expected))
    return _mean(2 * (_log_ratio(count, expected) - spread), weights)


def deviance_explained(
    count: Num[np.ndarray, "rows"],
    expected: Float[np.ndarray, "rows"],
    exposure: Float[np.ndarray, "rows"],
    weights: Weights = None,
) -> Result:
    """The fraction of the Poisson deviance that is explained: 1 - D(expected) / D(one rate).

    The comparison is with one rate for all rows, sum of counts over sum of exposures, and with one
    rate per resample. It is NaN where the counts are as one rate has them.
    """
    count, expected = _checked(count, expected)
    columns = as_columns(weights, len(count))
    exposure = np.asarray(exposure, np.float64)
    rate = ratio(count @ columns, exposure @ columns)
    # sum y log(y / (rate e)) - y + rate e, of which the last two cancel in the sum.
    per_exposure = _log_ratio(count, exposure)
    safe = np.where(rate > 0, rate, 1)
    null = 2 * (per_exposure @ columns - (count @ columns) * np.log(safe))
    own = 2 * ((_log_ratio(count, expected) - count + expected) @ columns)
    return as_result(1 - ratio(own, np.where(null > 1e-12, null, 0)), weights)


def calibration_in_the_large(
    count: Num[np.ndarray, "rows"], expected: Float[np.ndarray, "rows"], weights: Weights = None
) -> Result:
    """Observed over expected: sum of counts / sum of expected counts; 1 is perfect.

    References:
        Steyerberg, Clinical Prediction Models, 2019, section 15.3.

    Example:
        >>> calibration_in_the_large(np.array([1, 3]), np.array([1.0, 1.0]))
        2.0
    """
    count, expected = _checked(count, expected)
    columns = as_columns(weights, len(count))
    return as_result(ratio(count @ columns, expected @ columns), weights)


def _checked(count: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count, expected = label_and_value("expected", expected, count, "count")
    if count.min() < 0 or expected.min() <= 0:
        raise ValueError(
            f"count has the minimum {count.min()} and expected {expected.min()}, but counts must "
            "be at least 0 and expected counts above 0."
        )
    return count, expected


def _log_ratio(count: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Y log(y / mu), 0 where y is 0."""
    positive = np.where(count > 0, count, 1)
    return np.where(count > 0, count * np.log(positive / expected), 0)


def _mean(rows: np.ndarray, weights: Weights) -> Result:
    return as_result(mean(rows, as_columns(weights, len(rows))), weights)
