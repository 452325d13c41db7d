"""Checks of what a statistic is given."""

import numpy as np

from jaxmed import checks


def check_probabilities(label: np.ndarray, probabilities: np.ndarray) -> None:
    """Refuse labels and probabilities whose shapes disagree or that lie outside their range."""
    axes = "rows columns" if label.ndim == 2 else "rows"
    checks.shapes(probabilities=(probabilities, "rows columns"), label=(label, axes))
    check_rows("probabilities", probabilities)
    if label.ndim == 1 and probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but must have one column per class, "
            "two for a binary task: stack 1 - p and p."
        )
    if probabilities.min() < -1e-6 or probabilities.max() > 1 + 1e-6:
        raise ValueError(
            f"probabilities ranges from {probabilities.min()} to {probabilities.max()}, but must "
            "lie in [0, 1]: apply softmax or sigmoid to logits."
        )
    largest = 1 if label.ndim == 2 else probabilities.shape[1] - 1
    invalid = label[~((label >= 0) & (label <= largest) & (label == np.floor(label)))]
    if invalid.size:
        raise ValueError(
            f"label holds {invalid[0]}, but must hold whole numbers in 0 .. {largest} for "
            f"probabilities of shape {probabilities.shape}."
        )


def check_rows(name: str, array: np.ndarray) -> None:
    """Refuse an array without rows, or with numbers that are not finite."""
    if not len(array):
        raise ValueError(f"{name} has no rows, but a statistic needs at least one.")
    if not np.isfinite(array).all():
        bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
        raise ValueError(
            f"{name} is not finite in {len(bad)} of {len(array)} rows, first in row {bad[0]}: "
            "leave these rows out, or check whether the training of the model diverged."
        )
