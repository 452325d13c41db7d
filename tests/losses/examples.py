"""Predictions and labels of each kind of loss, and every loss with its own."""

from __future__ import annotations

import functools

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

SPACE = (3, 2)
VOXEL_LOGITS = RNG.normal(size=(ROWS, *SPACE, CLASSES)).astype(np.float32) * 2
VOXEL_LABELS = RNG.integers(-1, CLASSES, (ROWS, *SPACE))
VOXEL_LABELS[0] = -1  # an example without a label
VOXEL_LABELS[1] = 0  # one of a single class
VOXELS = (VOXEL_LOGITS.reshape(ROWS, -1), VOXEL_LABELS)


def of_columns(loss, **options):
    """A loss of segmentation as one of logits [rows, voxels * classes], as the contracts want."""

    @functools.wraps(loss)
    def of_voxels(logits, labels):
        return loss(logits.reshape(-1, *SPACE, CLASSES), labels, **options)

    return of_voxels


GRADES = (LOGITS[:, :-1], LABELS)  # three thresholds, four grades
CASES = {
    "cross_entropy": (losses.cross_entropy, LOGITS, LABELS),
    "smoothed": (lambda x, y: losses.cross_entropy(x, y, label_smoothing=0.1), LOGITS, LABELS),
    "binary": (losses.binary_cross_entropy, ODDS, BINARY),
    "multilabel": (losses.multilabel_cross_entropy, LOGITS, MULTI),
    "partly measured": (losses.partial_squared_error, LOGITS, MULTI),
    "partly known": (losses.partial_cross_entropy, LOGITS, MULTI),
    "focal": (losses.focal, LOGITS, LABELS),
    "focal, gamma 0.5": (lambda x, y: losses.focal(x, y, gamma=0.5), LOGITS, LABELS),
    "squared hinge": (losses.squared_hinge, LOGITS, LABELS),
    "binary focal": (losses.binary_focal, ODDS, BINARY),
    "ordinal": (losses.ordinal, *GRADES),
    "squared": (losses.squared_error, VALUES, TARGETS),
    "absolute": (losses.absolute_error, VALUES, TARGETS),
    "huber": (losses.huber, VALUES, TARGETS),
    "pinball": (losses.pinball, LOGITS[:, :3], TARGETS),
    "dice": (of_columns(losses.dice), *VOXELS),
    "dice, smooth 1": (of_columns(losses.dice, smooth=1.0, include_background=False), *VOXELS),
    "generalized dice": (of_columns(losses.generalized_dice), *VOXELS),
    "tversky": (of_columns(losses.tversky, alpha=0.3, beta=0.7), *VOXELS),
    "focal tversky": (of_columns(losses.focal_tversky), *VOXELS),
    "voxel cross entropy": (of_columns(losses.voxel_cross_entropy), *VOXELS),
    "dice cross entropy": (of_columns(losses.dice_cross_entropy), *VOXELS),
    "boundary": (of_columns(losses.boundary, spacing=(1.0, 2.5)), *VOXELS),
    "clDice": (of_columns(losses.cl_dice, iterations=1), *VOXELS),
}


def agree(actual, expected) -> None:
    np.testing.assert_allclose(np.asarray(actual, np.float64), expected, rtol=2e-6, atol=1e-6)


def log_softmax(logits) -> np.ndarray:
    return special.log_softmax(np.asarray(logits, np.float64), axis=1)
