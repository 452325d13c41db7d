"""Rows in bins of their probability, and sums over each bin for all resamples at once."""

from __future__ import annotations

import numpy as np

BINNINGS = ("width", "mass")
"""Bins of equal width, or that hold equally many rows."""
MOST_BINS = 10_000


def binned(
    probability: np.ndarray, bins: int | None, binning: str
) -> tuple[np.ndarray, np.ndarray]:
    """Rows in the order of their bins, and where each bin that holds rows begins."""
    if bins is None:
        place = np.unique(probability, return_inverse=True)[1]
    elif binning == "mass":
        inner = np.quantile(probability, np.linspace(0, 1, bins + 1))[1:-1]
        place = np.searchsorted(inner, probability, side="right")
    else:
        place = np.clip((probability * bins).astype(np.int64), 0, bins - 1)
    order = np.argsort(place, kind="stable")
    return order, np.flatnonzero(np.diff(place[order], prepend=-1))


def bin_sums(rows: np.ndarray, order: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sums of `rows` [rows, resamples] over each bin [bins, resamples]."""
    return np.add.reduceat(rows[order], first, axis=0)
