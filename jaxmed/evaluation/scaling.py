"""Calibration by few parameters: temperature, vector, Platt and beta; what is fitted and the maps.

All read log probabilities. They are the logits up to a constant per row, on which neither softmax
nor the log odds depend, so that ensembles and other models without logits are calibrated too.

Fits minimize the mean log loss in float64 by Newton's method; all are convex. Maps take NumPy
arrays or JAX's, also traced ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxmed.evaluation.array_module import array_module
from jaxmed.metrics.logistic import logistic_regression, newton

TINY = float(np.finfo(np.float32).tiny)
"""Smaller probabilities count as this one, so that their logarithm is finite."""
_HOTTEST, _COLDEST = 100.0, 0.01
_MOST_CLASSES = 256
_UNBOUNDED = (
    "probabilities and label have no best finite {}, because the classes are separated without "
    "error and more confidence is always better: use more validation rows, or isotonic."
)


def log_probabilities(probabilities: Any) -> Any:
    """Logits [rows, classes] that give these probabilities."""
    xp = array_module(probabilities)
    return xp.log(xp.maximum(probabilities, TINY))


def softmax(logits: Any) -> Any:
    """Probabilities [rows, classes] in the kind of array they come in."""
    xp = array_module(logits)
    raised = xp.exp(logits - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def mean_log_loss(label: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean of -log p of the true class [rows]."""
    return float(-log_probabilities(probabilities)[np.arange(len(label)), label].mean())


def temperature_map(values: Mapping[str, Any], probabilities: Any) -> Any:
    """softmax(log p / T)."""
    return softmax(log_probabilities(probabilities) / values["temperature"])


def fit_temperature(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """T in [0.01, 100], or 1 if that is as good. The log loss is convex in 1 / T."""
    logits = log_probabilities(probabilities)
    truth = logits[np.arange(len(label)), label]

    def slope(inverse: float) -> tuple[float, float]:
        """First and second derivative of the mean log loss."""
        p = softmax(inverse * logits)
        mean = (p * logits).sum(axis=1)
        spread = (p * (logits - mean[:, None]) ** 2).sum(axis=1)
        return float((mean - truth).mean()), float(spread.mean())

    low, high, inverse = 1 / _HOTTEST, 1 / _COLDEST, 1.0
    if slope(high)[0] <= 0:
        raise ValueError(_UNBOUNDED.format("temperature"))
    if slope(low)[0] >= 0:  # worse than equal probabilities
        return {"temperature": np.array(_HOTTEST)}
    for _ in range(200):
        first, second = slope(inverse)
        low, high = (low, inverse) if first > 0 else (inverse, high)
        step = inverse - first / second if second > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - inverse) <= 1e-15 * inverse:
            break
        inverse = following
    fitted, given = (mean_log_loss(label, softmax(each * logits)) for each in (inverse, 1.0))
    return {"temperature": np.array(1 / inverse if fitted < given else 1.0)}


def vector_map(values: Mapping[str, Any], probabilities: Any) -> Any:
    """softmax(w_k log p_k + b_k)."""
    return softmax(values["weight"][None] * log_probabilities(probabilities) + values["bias"][None])


def fit_vector(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """One weight and one bias per class; the biases sum to 0."""
    rows, classes = probabilities.shape
    if classes > _MOST_CLASSES:
        raise ValueError(
            f"probabilities has {classes} classes, but vector scaling is for at most "
            f"{_MOST_CLASSES}: use temperature."
        )
    logits = log_probabilities(probabilities)
    scale = np.maximum(logits.std(axis=0), 1e-12)
    shift = logits.mean(axis=0)
    features = (logits - shift) / scale
    is_true = np.eye(classes)[label]

    def parts(found: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        weight, bias = found.reshape(2, classes)
        p = softmax(weight * features + bias)
        error = p - is_true
        gradient = np.concatenate([(error * features).mean(axis=0), error.mean(axis=0)])
        moved = np.concatenate([p * features, p], axis=1)
        curvature = -moved.T @ moved / rows
        one = np.arange(classes)
        squares = (p * features**2).mean(axis=0), (p * features).mean(axis=0), p.mean(axis=0)
        curvature[one, one] += squares[0]
        curvature[one, one + classes] += squares[1]
        curvature[one + classes, one] += squares[1]
        curvature[one + classes, one + classes] += squares[2]
        return mean_log_loss(label, p), gradient, curvature

    found = _finite(newton(parts, np.concatenate([scale, shift])), "weights")
    weight = found[:classes] / scale
    bias = found[classes:] - weight * shift
    return {"weight": weight, "bias": bias - bias.mean()}


def platt_map(values: Mapping[str, Any], probabilities: Any) -> Any:
    """sigmoid(a log(p / (1 - p)) + b)."""
    log_p, log_rest = _log_odds(probabilities)
    slope, intercept = values["slope"][None], values["intercept"][None]
    return of_events(_sigmoids(slope * (log_p - log_rest) + intercept))


def fit_platt(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Slope and intercept of the positive class of two, or of each class against the rest."""
    log_p, log_rest = _log_odds(probabilities)
    found = [
        _logistic((log_p - log_rest)[:, [k]], truth)
        for k, truth in enumerate(events(label, probabilities.shape[1]))
    ]
    slope, intercept = np.array(found).T
    return {"slope": slope, "intercept": intercept}


def beta_map(values: Mapping[str, Any], probabilities: Any) -> Any:
    """sigmoid(a log p - b log(1 - p) + c)."""
    log_p, log_rest = _log_odds(probabilities)
    a, b, c = (values[name][None] for name in "abc")
    return of_events(_sigmoids(a * log_p - b * log_rest + c))


def fit_beta(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """a, b >= 0 and c: the map rises, as in Kull et al. 2017, section 4."""
    log_p, log_rest = _log_odds(probabilities)
    found = []
    for k, truth in enumerate(events(label, probabilities.shape[1])):
        features = np.stack([log_p[:, k], -log_rest[:, k]], axis=1)
        kept = [0, 1]
        line = _logistic(features, truth)
        while kept and line[: len(kept)].min() < 0:
            kept.pop(int(line[: len(kept)].argmin()))
            line = _logistic(features[:, kept], truth)
        whole = np.zeros(3)
        whole[[*kept, 2]] = line
        found.append(whole)
    a, b, c = np.array(found).T
    return {"a": a, "b": b, "c": c}


def events(label: np.ndarray, classes: int) -> list[np.ndarray]:
    """What is calibrated on its own: the positive class of two, or each class against the rest."""
    return [label == k for k in ([1] if classes == 2 else range(classes))]


def of_events(both: tuple[Any, Any]) -> Any:
    """Probabilities [rows, classes] from those of the events and of their absence [rows, events].

    Of more than two classes, those of each class are divided by their sum.
    """
    present, absent = both
    xp = array_module(present)
    if present.shape[1] == 1:
        return xp.concatenate([absent, present], axis=1)
    positive = xp.maximum(present, TINY)
    return positive / positive.sum(axis=1, keepdims=True)


def _sigmoids(logit: Any) -> tuple[Any, Any]:
    """Probability of an event and of its absence, each with its own small digits."""
    xp = array_module(logit)
    small = xp.exp(-abs(logit))
    high, low = 1 / (1 + small), small / (1 + small)
    return xp.where(logit > 0, high, low), xp.where(logit > 0, low, high)


def _log_odds(probabilities: Any) -> tuple[Any, Any]:
    """Log of the probability of each event and of its absence [rows, events]."""
    logs = log_probabilities(probabilities)
    if probabilities.shape[1] == 2:
        return logs[:, 1:], logs[:, :1]
    return logs, log_probabilities(1 - probabilities)


def _logistic(features: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return _finite(logistic_regression(features, truth), "slope")


def _finite(found: np.ndarray | None, what: str) -> np.ndarray:
    if found is None:
        raise ValueError(_UNBOUNDED.format(what))
    return found
