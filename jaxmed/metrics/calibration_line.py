"""Calibration slope and intercept. Arguments and errors are those of `jaxmed.metrics`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jaxmed.metrics.arguments import check_sums, positives_and_score
from jaxmed.metrics.logistic import logistic_regression, sigmoid
from jaxmed.metrics.weighted import Probabilities
from jaxmed.typing import Num

__all__ = ["CalibrationLine", "calibration_slope_and_intercept"]

_RESOLUTION = float(np.finfo(np.float32).eps)


class CalibrationLine(NamedTuple):
    """The logistic regression of a label on the log odds of its probability.

    Attributes:
        slope: 1 is calibrated; below 1 the probabilities are too extreme, above too moderate.
        slope_error: standard error of the slope.
        intercept: of the same regression; 0 is calibrated.
        intercept_error: its standard error.
        mean_shift: the intercept where the slope is held at 1; above 0 the probabilities are too
            low as a whole. This one is usually reported as "the calibration intercept".
        mean_shift_error: its standard error.
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    mean_shift: float
    mean_shift_error: float


def calibration_slope_and_intercept(
    label: Num[np.ndarray, " rows"], probabilities: Probabilities
) -> CalibrationLine:
    """Slope and intercept of logit P(y = 1) = intercept + slope logit p, with standard errors.

    Errors are those of maximum likelihood, from the observed information. Probabilities are kept
    inside [1.2e-7, 1 - 1.2e-7], the resolution of float32, so that their log odds are finite.

    Args:
        label: [rows] of 0 and 1.
        probabilities: [rows, 2].

    Raises:
        ValueError: for other than two classes, a label that never varies, probabilities that never
            vary, or that separate the classes without error: then no slope is best.

    References:
        Cox, Two further applications of a model for binary regression, 1958; Steyerberg, Clinical
        Prediction Models, 2019, section 15.3; Van Calster et al., A calibration hierarchy for risk
        models was defined, 2016.
    """
    happened, score = positives_and_score(label, probabilities)
    check_sums(np.asarray(probabilities))
    if happened.all() or not happened.any():
        raise ValueError(
            f"label holds only {int(happened[0])}, but a slope needs rows of both classes: use a "
            "split that has them."
        )
    p = np.clip(score.astype(np.float64), _RESOLUTION, 1 - _RESOLUTION)
    logit = np.log(p) - np.log1p(-p)
    if logit.min() == logit.max():
        raise ValueError(
            f"probabilities is {p[0]:.4g} in all rows, but a slope needs different ones: use "
            "mean and frequency."
        )
    line = logistic_regression(logit[:, None], happened)
    shift = logistic_regression(np.zeros((len(p), 0)), happened, offset=logit)
    if line is None or shift is None:
        raise ValueError(
            "probabilities separates the classes without error, so that no slope is best: use more "
            "rows."
        )
    design = np.stack([logit, np.ones_like(logit)], axis=1)
    slope_error, intercept_error = _standard_errors(design, line[0] * logit + line[1])
    (shift_error,) = _standard_errors(design[:, 1:], logit + shift[0])
    return CalibrationLine(
        float(line[0]), slope_error, float(line[1]), intercept_error, float(shift[0]), shift_error
    )


def _standard_errors(design: np.ndarray, logit: np.ndarray) -> list[float]:
    p, rest = sigmoid(logit)
    information = (design * (p * rest)[:, None]).T @ design
    return [float(error) for error in np.sqrt(np.diag(np.linalg.inv(information)))]
