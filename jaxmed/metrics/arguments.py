"""Checks of what a statistic is given."""

import numpy as np

from jaxmed import checks

_ROUNDING = 0.02
"""Upper limit of how far a sum of probabilities in bfloat16 is from 1."""


def label_and_probabilities(
    label: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays; refused where shapes disagree or values lie outside their range."""
    label = checks.real_array("label", label)
    probabilities = checks.real_array("probabilities", probabilities)
    axes = "rows columns" if label.ndim == 2 else "rows"
    checks.shapes(probabilities=(probabilities, "rows columns"), label=(label, axes))
    check_rows("probabilities", probabilities)
    if label.ndim == 1:
        _check_columns(probabilities)
    _check_range(probabilities)
    largest = 1 if label.ndim == 2 else probabilities.shape[1] - 1
    invalid = label[~((label >= 0) & (label <= largest) & (label == np.floor(label)))]
    if invalid.size:
        raise ValueError(
            f"label holds {invalid[0]}, but must hold whole numbers in 0 .. {largest} for "
            f"probabilities of shape {probabilities.shape}."
        )
    return label, probabilities


def positives_and_score(
    label: np.ndarray, probabilities: np.ndarray, remedy: str = "compare one class with the rest"
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are positive [rows] and the probability of the positive class [rows].

    Args:
        label: [rows], 0 or 1.
        probabilities: [rows, 2]; class 1 is the positive class.
        remedy: what to do where there are other than two classes.
    """
    label, probabilities = label_and_probabilities(label, probabilities)
    if label.ndim != 1 or probabilities.shape[1] != 2:
        raise ValueError(
            f"probabilities has shape {probabilities.shape} and label {label.shape}, but must be "
            f"those of two classes, [rows, 2] and [rows]: {remedy}."
        )
    return label == 1, probabilities[:, 1]


def positives_and_probability(
    label: np.ndarray, probability: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same of the probability of the positive class [rows] alone."""
    label = checks.real_array("label", label)
    probability = checks.real_array("probability", probability)
    checks.shapes(label=(label, "rows"), probability=(probability, "rows"))
    check_rows("label", label)
    check_rows("probability", probability)
    if probability.min() < 0 or probability.max() > 1:
        raise ValueError(
            f"probability ranges from {probability.min():g} to {probability.max():g}, but must lie "
            "in [0, 1]: pass probabilities, not logits."
        )
    if not np.isin(label, (0, 1)).all():
        raise ValueError(
            f"label holds {label[~np.isin(label, (0, 1))][0]:g}, but must hold 0 and 1: correct it."
        )
    return label == 1, probability


def check_both_classes(positive: np.ndarray) -> None:
    """Refuse rows that are all of one of two classes."""
    if positive.all() or not positive.any():
        raise ValueError(
            f"label holds {int(positive.sum())} positive of {len(positive)} rows, but must hold "
            "both classes: use a split with cases and non-cases."
        )


def class_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities [rows, classes] in float64; refused where they are none or do not sum to 1."""
    probabilities = checks.real_array("probabilities", probabilities, "rows classes")
    check_rows("probabilities", probabilities)
    _check_columns(probabilities)
    _check_range(probabilities)
    check_sums(probabilities)
    return probabilities.astype(np.float64)


def _check_columns(probabilities: np.ndarray) -> None:
    if probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities has shape {probabilities.shape}, but must have one column per class, "
            "two for a binary task: stack 1 - p and p."
        )


def _check_range(probabilities: np.ndarray) -> None:
    if probabilities.min() < -1e-6 or probabilities.max() > 1 + 1e-6:
        raise ValueError(
            f"probabilities ranges from {probabilities.min()} to {probabilities.max()}, but must "
            "lie in [0, 1]: apply softmax or sigmoid to logits."
        )


def check_sums(probabilities: np.ndarray) -> None:
    """Refuse rows that do not sum to 1, for statistics that need more than their order."""
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if np.abs(sums - 1).max() > _ROUNDING:
        row = int(np.abs(sums - 1).argmax())
        raise ValueError(
            f"probabilities sums to {sums[row]:.4g} in row {row}, but every row of a task with one "
            "class per row must sum to 1: apply softmax, or stack 1 - p and p."
        )


def label_and_value(
    name: str, value: np.ndarray, label: np.ndarray, label_name: str = "label"
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and values [rows] in float64; refused where they disagree or are not finite."""
    label, value = checks.real_array(label_name, label), checks.real_array(name, value)
    checks.shapes(**{name: (value, "rows"), label_name: (label, "rows")})
    check_rows(name, value)
    check_rows(label_name, label)
    return label.astype(np.float64), value.astype(np.float64)


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
