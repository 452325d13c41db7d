"""How much do features tell that were learned without labels? Simple classifiers on top of them.

A probe is fitted on features of the training split, `evaluate.predict(task, ...)["features"]`, and
gives probabilities of any others, which `evaluation.statistics` measures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.typing import Int, Num

Probe: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""features [rows, width] -> probabilities [rows, classes]."""


def linear_probe(
    training: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    strength: float = 1.0,
    iterations: int = 1000,
) -> Probe:
    """Logistic regression on standardised features; needs scikit-learn.

    Alain and Bengio 2016, section 2.

    Args:
        training: features of labelled rows.
        label: theirs, 0 to classes - 1; every class has rows.
        strength: C, the inverse of the L2 penalty, above 0.
        iterations: of the solver, at most.
    """
    kernel, bias = linear_head(training, label, strength=strength, iterations=iterations)

    def probabilities(rows: np.ndarray) -> np.ndarray:
        logits = np.asarray(rows, np.float64) @ kernel + bias
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    return probabilities


def linear_head(
    training: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    strength: float = 1.0,
    iterations: int = 1000,
) -> tuple[np.ndarray, np.ndarray]:
    """What `linear_probe` learns, as the kernel and the bias of a layer on the features themselves.

    A network that starts with it changes its features less, and does better on rows unlike the
    labelled ones, than with a head of random numbers: Kumar et al. 2022, section 4 (linear probing,
    then fine-tuning).

    Args:
        training: features of labelled rows.
        label: theirs, 0 to classes - 1; every class has rows.
        strength: C, the inverse of the L2 penalty, above 0.
        iterations: of the solver, at most.

    Returns:
        float64 [width, classes] and [classes], of logits.
    """
    checks.positive("strength", strength)
    _check(training, label)
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    training = np.asarray(training, np.float64)
    scaler = StandardScaler().fit(training)
    model = LogisticRegression(C=strength, max_iter=iterations)
    model.fit(scaler.transform(training), label)
    weights, intercepts = model.coef_, model.intercept_
    if len(weights) == 1:  # of two classes scikit-learn keeps the difference
        weights = np.concatenate([-weights, weights]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    kernel = (weights / scaler.scale_).T
    return kernel, intercepts - scaler.mean_ @ kernel


def nearest_neighbour_probe(
    training: Num[np.ndarray, "examples width"],
    label: Int[np.ndarray, " examples"],
    *,
    neighbours: int = 20,
    temperature: float = 0.07,
) -> Probe:
    """The classes of the most similar training rows, weighed by exp(cosine / temperature).

    Wu et al. 2018, section 3.4. Nothing is fitted.

    Args:
        training: features of labelled rows.
        label: theirs, 0 to classes - 1; every class has rows.
        neighbours: how many, at most as many as there are examples.
        temperature: above 0; infinity counts every neighbour alike.
    """
    checks.positive("temperature", temperature)
    classes = _check(training, label)
    if not 1 <= neighbours <= len(training):
        raise ValueError(
            f"neighbours is {neighbours}, but must lie in 1 to {len(training)}, the examples of "
            "training."
        )
    known = _unit(training)
    one_hot = np.eye(classes)[label]

    def part(rows: np.ndarray) -> np.ndarray:
        cosine = _unit(rows) @ known.T
        chosen = np.argpartition(-cosine, neighbours - 1, axis=1)[:, :neighbours]
        near = np.take_along_axis(cosine, chosen, axis=1)
        weights = np.exp((near - near.max(1, keepdims=True)) / temperature)
        votes = (weights[..., None] * one_hot[chosen]).sum(1)
        return votes / votes.sum(1, keepdims=True)

    def probabilities(rows: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [part(rows[start : start + 512]) for start in range(0, len(rows), 512)]
        )

    return probabilities


def _check(training: np.ndarray, label: np.ndarray) -> int:
    """How many classes there are; a class without rows is refused."""
    checks.shapes(training=(training, "examples width"), label=(label, "examples"))
    present = np.unique(label)
    classes = int(present.max()) + 1
    if len(present) != classes or present.min() < 0:
        raise ValueError(
            f"label holds the classes {present.tolist()}, but every class from 0 to "
            f"{classes - 1} must have rows: number the classes that are there."
        )
    if classes < 2:
        raise ValueError("label holds one class only: a probe needs rows of two.")
    return classes


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
