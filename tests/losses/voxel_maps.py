"""Smooth segmentations in two and three dimensions, and their sums in NumPy."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, special

CLASSES = 3
SHAPES = {"image": (3, 9, 11), "volume": (3, 6, 7, 5)}


def example(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits [3, *space, 3] and labels [3, *space]: the last example lacks a class, some voxels are
    not labelled.
    """
    shape = SHAPES[kind]
    rng = np.random.default_rng(len(shape))
    smooth = (0, *[1.0] * (len(shape) - 1), 0)
    truth = ndimage.gaussian_filter(rng.normal(size=(*shape, CLASSES)), smooth)
    noise = ndimage.gaussian_filter(rng.normal(size=truth.shape), smooth)
    labels = truth.argmax(-1)
    labels[2][labels[2] == 2] = 0
    labels[1, :2] = -1
    return (12 * (truth + noise)).astype(np.float32), labels


def sums(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """TP, FP and FN of each example and class [batch, classes], voxel by voxel."""
    p = special.softmax(logits.astype(np.float64), axis=-1)
    found = np.zeros((3, len(logits), CLASSES))
    for place in np.ndindex(labels.shape):
        for k in range(CLASSES):
            if labels[place] >= 0:
                is_true = labels[place] == k
                found[0, place[0], k] += p[place][k] * is_true
                found[1, place[0], k] += p[place][k] * (not is_true)
                found[2, place[0], k] += (1 - p[place][k]) * is_true
    return tuple(found)
