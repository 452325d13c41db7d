"""Checks of what figures are drawn from: arrays of finite numbers that agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks


def finite(name: str, value: Any, axes: str | None = None) -> np.ndarray:
    """`value` as an array of finite numbers with at least one row."""
    found = checks.real_array(name, value, axes)
    if not found.size:
        raise ValueError(f"{name} has shape {found.shape}, but must have at least one row.")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} is not finite in some rows, but must be: leave these rows out.")
    return found


def classified(label: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels [rows] or [rows, labels] and probabilities [rows, columns] that agree."""
    label, probabilities = finite("label", label), finite("probabilities", probabilities)
    axes = "rows classes" if label.ndim == 2 else "rows"
    checks.shapes(label=(label, axes), probabilities=(probabilities, "rows classes"))
    if label.ndim == 1 and probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but must have one column per class: "
            "stack 1 - p and p."
        )
    if probabilities.min() < -1e-6 or probabilities.max() > 1 + 1e-6:
        raise ValueError(
            f"probabilities ranges from {probabilities.min()} to {probabilities.max()}, but must "
            "lie in [0, 1]: apply softmax or sigmoid to logits."
        )
    largest = 1 if label.ndim == 2 else probabilities.shape[1] - 1
    wrong = label[~((label >= 0) & (label <= largest) & (label == np.floor(label)))]
    if wrong.size:
        raise ValueError(f"label holds {wrong[0]}, but must hold whole numbers in 0 .. {largest}.")
    return label, probabilities
