"""Operating points: decision thresholds, to be chosen on validation data."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float, Int


def threshold_of_highest_f1(
    label: Int[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> float:
    """The threshold with the highest F1 of the positive class.

    Positive is `probability >= threshold`. Every distinct probability is tried:
    F1 = 2 TP / (predicted + actual positives). Choose it on validation data: on the data it was
    chosen on, the F1 is biased upwards.

    Args:
        label: 0 or 1 [rows], at least one 1.
        probability: of class 1 [rows].

    Returns:
        One of the probabilities; of several with the same F1, the highest.

    Raises:
        ValueError: if shapes disagree, there are no rows, a probability lies outside [0, 1] or is
            NaN, a label is neither 0 nor 1, or none is 1.

    Example:
        >>> threshold_of_highest_f1(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9]))
        0.4
    """
    label, probability = (
        checks.real_array("label", label),
        checks.real_array("probability", probability),
    )
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
    if not label.any():
        raise ValueError(
            "label has no positive row, so no threshold has an F1: use a split with positives."
        )
    order = np.argsort(-probability, kind="stable")
    descending = probability[order]
    true_positives = np.cumsum(label[order])
    f1 = 2 * true_positives / (np.arange(1, len(label) + 1) + label.sum())
    # Equal probabilities share one threshold: the last of them counts all.
    last = np.append(descending[1:] < descending[:-1], True)
    return float(descending[np.where(last, f1, -1).argmax()])
