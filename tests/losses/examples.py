"""Predictions and labels of each kind of loss, and every loss with its own."""

from __future__ import annotations

import numpy as np
from scipy import special

from jaxmed import losses

ROWS, CLASSES = 12, 4
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(ROWS, CLASSES)).astype(np.float32) * 3
LABELS = RNG.integers(0, CLASSES, ROWS)
ODDS = LOGITS[:, 0]
BINARY = RNG.integers(0, 2, ROWS)
MULTI = RNG.integers(0, 2, (ROWS, CLASSES))
VALUES = RNG.normal(size=ROWS).astype(np.float32) * 4
TARGETS = RNG.normal(size=ROWS).astype(np.float32)
WEIGHTS = np.array([0.5, 1.0, 2.0, 4.0], np.float32)

GRADES = (LOGITS[:, :-1], LABELS)  # three thresholds, four grades
CASES = {
    "cross_entropy": (losses.cross_entropy, LOGITS, LABELS),
    "smoothed": (lambda x, y: losses.cross_entropy(x, y, label_smoothing=0.1), LOGITS, LABELS),
    "binary": (losses.binary_cross_entropy, ODDS, BINARY),
    "multilabel": (losses.multilabel_cross_entropy, LOGITS, MULTI),
    "focal": (losses.focal, LOGITS, LABELS),
    "focal, gamma 0.5": (lambda x, y: losses.focal(x, y, gamma=0.5), LOGITS, LABELS),
    "squared hinge": (losses.squared_hinge, LOGITS, LABELS),
    "binary focal": (losses.binary_focal, ODDS, BINARY),
    "ordinal": (losses.ordinal, *GRADES),
    "squared": (losses.squared_error, VALUES, TARGETS),
    "absolute": (losses.absolute_error, VALUES, TARGETS),
    "huber": (losses.huber, VALUES, TARGETS),
    "pinball": (losses.pinball, LOGITS[:, :3], TARGETS),
}


def agree(actual, expected) -> None:
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=2e-6, atol=1e-6)


def log_softmax(logits) -> np.ndarray:
    return special.log_softmax(np.asarray(logits, np.float64), axis=1)
