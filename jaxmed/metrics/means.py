"""Exact means over rows. Arguments and errors are those of `jaxmed.metrics`."""

from collections.abc import Callable

import numpy as np

from jaxmed.metrics.arguments import check_sums
from jaxmed.metrics.weighted import (
    Label,
    Probabilities,
    Result,
    Weights,
    mean,
    of_probabilities,
)

__all__ = ["brier", "grade_mae", "log_loss"]

_RESOLUTION = float(np.finfo(np.float32).eps)


def brier(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Brier score: mean squared distance of the probabilities from the truth; 0 is perfect.

    With two classes (p_1 - y)^2, in [0, 1]; with more sum_k (p_k - [y = k])^2, in [0, 2].

    Example:
        >>> brier(np.array([1]), np.array([[0.5, 0.5]]))
        0.25

    References:
        Brier, Verification of forecasts expressed in terms of probability, 1950, equation 2.
    """

    def distance(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        check_sums(probabilities)
        if probabilities.shape[1] == 2:
            return (probabilities[:, 1] - label) ** 2
        return ((probabilities - np.eye(probabilities.shape[1])[label]) ** 2).sum(axis=1)

    return _mean_over_rows(distance, label, probabilities, weights)


def log_loss(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean of -log of the probability of the true class, in nats.

    Probabilities are clipped from below at the resolution of float32, 1.2e-7, so that one confident
    mistake costs 16 nats and not infinity.

    Example:
        >>> round(log_loss(np.array([1]), np.array([[0.5, 0.5]])), 4)  # log 2
        0.6931
    """

    def surprise(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        check_sums(probabilities)
        truth = probabilities[np.arange(len(label)), label]
        return -np.log(np.maximum(truth, _RESOLUTION))

    return _mean_over_rows(surprise, label, probabilities, weights)


def grade_mae(label: Label, probabilities: Probabilities, weights: Weights = None) -> Result:
    """Mean absolute distance between the predicted and the true grade of ordered classes.

    Example:
        >>> grade_mae(np.array([0, 2]), np.array([[0.1, 0.1, 0.8], [0.0, 0.1, 0.9]]))
        1.0
    """

    def distance(label: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        return np.abs(probabilities.argmax(axis=1) - label).astype(np.float64)

    return _mean_over_rows(distance, label, probabilities, weights)


def _mean_over_rows(
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    label: Label,
    probabilities: Probabilities,
    weights: Weights,
) -> Result:
    def average(label: np.ndarray, probabilities: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return mean(score(label, probabilities), columns)

    return of_probabilities(average, label, probabilities, weights)
