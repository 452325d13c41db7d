"""Random segmentations of one case, with voxels that are not labelled."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

CLASSES = 3
SPACES = {"image": ((9, 12), (1.0, 1.0)), "volume": ((6, 8, 7), (3.0, 0.75, 1.25))}


def pair(space: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction with blobs of each class; a few voxels of the truth are -1."""
    shape, _ = SPACES[space]
    rng = np.random.default_rng([seed, len(shape)])
    fields = [
        np.stack([ndimage.gaussian_filter(rng.normal(size=shape), 1.2) for _ in range(CLASSES)])
        for _ in range(2)
    ]
    truth, predicted = fields[0].argmax(0), (fields[0] + 0.7 * fields[1]).argmax(0)
    truth[rng.random(shape) < 0.05] = -1
    return truth, predicted
