"""Logistic regression with few coefficients and no penalty, in float64 by Newton's method."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_STEPS = 40  # a minimum is reached in 20; where there is none, each step only wins a factor e


def sigmoid(logit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 / (1 + exp(-logit)), and 1 minus that, each with its own small digits."""
    small = np.exp(-np.abs(logit))
    high, low = 1 / (1 + small), small / (1 + small)
    return np.where(logit > 0, high, low), np.where(logit > 0, low, high)


def logistic_regression(
    features: np.ndarray, truth: np.ndarray, offset: np.ndarray | float = 0.0
) -> np.ndarray | None:
    """The coefficients and, last, the intercept with the highest likelihood.

    Args:
        features: [rows, coefficients].
        truth: [rows], whether the event happened.
        offset: added to each logit.

    Returns:
        [coefficients + 1], or None where no finite ones are best, because the features separate
        what happened from what did not.
    """
    scale = np.maximum(features.std(axis=0), 1e-12)
    shift = features.mean(axis=0)
    design = np.concatenate([(features - shift) / scale, np.ones((len(truth), 1))], axis=1)
    sign = np.where(truth, 1.0, -1.0)

    def parts(found: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        logit = design @ found + offset
        p, rest = sigmoid(logit)
        curvature = (design * (p * rest)[:, None]).T @ design / len(truth)
        loss = np.logaddexp(0, -sign * logit).mean()
        return float(loss), design.T @ (p - truth) / len(truth), curvature

    found = newton(parts, np.zeros(design.shape[1]))
    if found is None:
        return None
    coefficients = found[:-1] / scale
    return np.append(coefficients, found[-1] - coefficients @ shift)


def newton(
    parts: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]], start: np.ndarray
) -> np.ndarray | None:
    """The minimum of a convex function, by Newton's method with halved steps.

    Args:
        parts: point -> value, gradient and Hessian.
        start: the first point.

    Returns:
        The point, or None where there is no minimum.
    """
    found = start
    value, gradient, curvature = parts(found)
    most = 0
    for _ in range(_STEPS):
        step, _, rank, _ = np.linalg.lstsq(curvature, gradient, rcond=1e-12)
        most = max(most, rank)
        share = 1.0
        following = parts(found - step)
        while following[0] >= value and share > 1e-12:
            share /= 2
            following = parts(found - share * step)
        if following[0] >= value or gradient @ step < 1e-20:
            # Where there is no minimum, the function gets flat in a direction in which it was not,
            # or the steps do not get small.
            far = np.linalg.norm(step) > 1e-4 * (1 + np.linalg.norm(found))
            return None if far or rank < most else found
        found = found - share * step
        value, gradient, curvature = following
    return None
