"""Probes: simple classifiers on features that were learned without labels.

A probe is fitted on the features of the training split and returns class probabilities for any
other features. How well it does shows how much the features tell about the classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float, Int, Num

Probe: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""features [rows, width] -> probabilities [rows, classes]."""


def linear_probe(
    features: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    C: float = 1.0,
    max_iterations: int = 1000,
) -> Probe:
    """Logistic regression on standardized features.

    Args:
        features: of the labeled rows [examples, width].
        label: classes [examples], 0 to classes - 1; every class occurs.
        C: inverse strength of the L2 penalty, above 0.
        max_iterations: of the solver.

    Returns:
        A function of features [rows, width] that returns probabilities [rows, classes].

    Raises:
        ValueError: if `C` is not positive, shapes disagree or a class has no rows.

    References:
        Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016,
        section 2.
    """
    kernel, bias = linear_head(features, label, C=C, max_iterations=max_iterations)

    def probabilities(rows: np.ndarray) -> np.ndarray:
        logits = np.asarray(rows, np.float64) @ kernel + bias
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    return probabilities


def linear_head(
    features: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    C: float = 1.0,
    max_iterations: int = 1000,
) -> tuple[Float[np.ndarray, "width classes"], Float[np.ndarray, " classes"]]:
    """The `linear_probe` as kernel and bias of a linear layer on the features.

    For linear probing followed by fine-tuning: a network that starts with this head changes its
    features less than with a random head, and is more accurate on shifted data.

    Args:
        features: of the labeled rows [examples, width]; not standardized.
        label: classes [examples], 0 to classes - 1; every class occurs.
        C: inverse strength of the L2 penalty, above 0.
        max_iterations: of the solver.

    Returns:
        Kernel [width, classes] and bias [classes] of logits, float64.

    Raises:
        ValueError: as `linear_probe`.

    References:
        Kumar et al., Fine-Tuning can Distort Pretrained Features and Underperform
        Out-of-Distribution, 2022, section 4.
    """
    checks.positive("C", C)
    max_iterations = checks.whole("max_iterations", max_iterations)
    features, label, _ = check_labeled(features, label)
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features = np.asarray(features, np.float64)
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=float(C), max_iter=max_iterations)
    model.fit(scaler.transform(features), label)
    weights, intercepts = model.coef_, model.intercept_
    if len(weights) == 1:  # for two classes, scikit-learn keeps the difference of the logits
        weights = np.concatenate([-weights, weights]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    kernel = (weights / scaler.scale_).T
    return kernel, intercepts - scaler.mean_ @ kernel


def nearest_neighbor_probe(
    features: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    neighbors: int = 20,
    temperature: float = 0.07,
) -> Probe:
    """Votes of the most similar rows, weighted by exp(cosine similarity / temperature).

    Args:
        features: of the labeled rows [examples, width].
        label: classes [examples], 0 to classes - 1; every class occurs.
        neighbors: number of voting rows, in 1 .. examples.
        temperature: above 0; with infinity all neighbors have the same weight.

    Returns:
        A function of features [rows, width] that returns probabilities [rows, classes].

    Raises:
        ValueError: if an argument lies outside its range, shapes disagree or a class has no rows.

    References:
        Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, 2018,
        section 3.4.
    """
    if not (isinstance(temperature, float) and temperature == math.inf):
        checks.positive("temperature", temperature)
    features, label, classes = check_labeled(features, label)
    neighbors = checks.whole("neighbors", neighbors, most=len(features))
    examples = _unit(features)
    one_hot = np.eye(classes)[label]

    def vote(rows: np.ndarray) -> np.ndarray:
        cosine = _unit(rows) @ examples.T
        chosen = np.argpartition(-cosine, neighbors - 1, axis=1)[:, :neighbors]
        near = np.take_along_axis(cosine, chosen, axis=1)
        weights = np.exp((near - near.max(1, keepdims=True)) / temperature)
        votes = (weights[..., None] * one_hot[chosen]).sum(1)
        return votes / votes.sum(1, keepdims=True)

    def probabilities(rows: np.ndarray) -> np.ndarray:
        parts = (rows[start : start + 512] for start in range(0, len(rows), 512))  # bounds memory
        return np.concatenate([np.zeros((0, classes)), *map(vote, parts)])

    return probabilities


def check_labeled(features: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Features, labels and the number of classes; refuses a class without rows."""
    features, label = (
        checks.real_array("features", features, "examples width"),
        checks.real_array("label", label, "examples"),
    )
    check_rows("features", features)
    check_rows("label", label)
    if (label != np.floor(label)).any():
        raise ValueError("label holds fractions, but must hold whole numbers, one class per row.")
    label = label.astype(np.int64)
    checks.shapes(features=(features, "examples width"), label=(label, "examples"))
    present = np.unique(label)
    classes = int(present.max()) + 1
    if len(present) != classes or present.min() < 0:
        raise ValueError(
            f"label holds the classes {present.tolist()}, but every class from 0 to {classes - 1} "
            "must occur: renumber the classes without gaps."
        )
    if classes < 2:
        raise ValueError("label holds one class only, but a probe needs rows of at least two.")
    return features, label, classes


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
