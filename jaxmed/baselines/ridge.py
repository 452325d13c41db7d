"""Ridge regression as a linear classifier with probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.baselines.probes import check_labeled
from jaxmed.typing import Float, Int, Num

PENALTIES = tuple(np.logspace(-1, 5, 13).tolist())
"""Strengths of the L2 penalty, of which leave-one-out cross-validation of training rows chooses."""
_TEMPERATURES = np.geomspace(0.02, 2.0, 60)


def ridge_head(
    features: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    penalties: Sequence[float] = PENALTIES,
) -> tuple[Float[np.ndarray, "width classes"], Float[np.ndarray, " classes"]]:
    """Ridge regression of classes as kernel and bias of a linear layer that gives logits.

    Each class is regressed to 1 for its rows and -1 for the others, on standardized features, by
    scikit-learn's `RidgeClassifierCV`. The logits are these scores over a temperature, that of the
    smallest log loss of the leave-one-out scores; the class of a row is scikit-learn's.

    Args:
        features: of the labeled rows [examples, width]; not standardized.
        label: classes [examples], 0 to classes - 1; every class occurs.
        penalties: to choose from, above 0.

    Returns:
        Kernel [width, classes] and bias [classes] of logits, float64.

    Raises:
        ValueError: for other penalties, if shapes disagree or a class has no rows.

    References:
        Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, equations 3.44
        and 7.64 (scores without the own row). Guo et al., On Calibration of Modern Neural
        Networks, 2017, section 4.2 (temperature).
    """
    penalties = checks.sequence("penalties", penalties, "numbers")
    if not penalties:
        raise ValueError("penalties is empty, but must hold at least one number above 0.")
    for number, penalty in enumerate(penalties):
        checks.positive(f"penalties[{number}]", penalty)
    features, label, classes = check_labeled(features, label)
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.preprocessing import StandardScaler

    features = np.asarray(features, np.float64)
    scaler = StandardScaler().fit(features)
    scaled = scaler.transform(features)
    model = RidgeClassifierCV(list(penalties)).fit(scaled, label)
    weights, intercepts = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(weights) == 1:  # for two classes, scikit-learn keeps the score of the second
        weights = np.concatenate([-weights, weights])
        intercepts = np.concatenate([-intercepts, intercepts])
    targets = 2.0 * np.eye(classes)[label] - 1
    temperature = _temperature(leave_one_out(scaled, targets, float(model.alpha_)), label)
    kernel = (weights / scaler.scale_).T / temperature
    return kernel, intercepts / temperature - scaler.mean_ @ kernel


def leave_one_out(
    features: Float[np.ndarray, "examples width"],
    targets: Float[np.ndarray, "examples classes"],
    penalty: float,
) -> Float[np.ndarray, "examples classes"]:
    """What ridge regression on all other rows predicts for each row.

    Args:
        features: [examples, width].
        targets: [examples, classes].
        penalty: of the squares of the weights, but not of the intercept, above 0.

    Returns:
        [examples, classes]: target - residual / (1 - leverage).
    """
    centered = features - features.mean(0)
    eigenvalues, vectors = np.linalg.eigh(centered @ centered.T)
    eigenvalues = np.maximum(eigenvalues, 0)
    shrunk = vectors * (eigenvalues / (eigenvalues + penalty))
    hat = shrunk @ vectors.T + 1 / len(features)
    return targets - (targets - hat @ targets) / (1 - np.diag(hat))[:, None]


def _temperature(
    scores: Float[np.ndarray, "examples classes"], label: Int[np.ndarray, " examples"]
) -> float:
    from scipy.special import log_softmax

    own = np.arange(len(label)), label
    losses = [-log_softmax(scores / value, axis=1)[own].mean() for value in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])
