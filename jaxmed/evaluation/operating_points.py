"""Decision thresholds, chosen on validation data."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.typing import Float, Int


def of_highest_f1(
    label: Int[np.ndarray, " rows"], probability: Float[np.ndarray, " rows"]
) -> float:
    """The threshold whose F1 of the positive class is highest: positive is `probability >= it`.

    Every distinct probability is tried: F1 = 2 TP / (predicted + actual positives), all from one
    sorted pass. Choose it on validation data; on the data it was chosen on, F1 flatters.

    Args:
        label: 0 or 1.
        probability: of class 1.

    Returns:
        One of the probabilities, the highest of several equally good ones.
    """
    checks.shapes(label=(label, "rows"), probability=(probability, "rows"))
    if not label.any():
        raise ValueError("label has no positive row, so no threshold has an F1.")
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    found = np.cumsum(label[order])
    f1 = 2 * found / (np.arange(1, len(label) + 1) + label.sum())
    ends = np.append(ranked[1:] < ranked[:-1], True)  # equal probabilities fall together
    return float(ranked[np.where(ends, f1, -1).argmax()])
