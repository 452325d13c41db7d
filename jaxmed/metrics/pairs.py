"""Sums over pairs of rows for all resamples, without a matrix of all pairs."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np

from jaxmed.metrics.weighted import ratio

_CELLS = 4_000_000  # pairs held at once: 32 MB per matrix, whatever the number of resamples
Pairs: TypeAlias = Callable[[np.ndarray, slice], tuple[np.ndarray, np.ndarray]]
"""(cases, later rows) -> how much each pair [cases, later] counts, and what of it is concordant."""


def concordance_of(
    time: np.ndarray,
    is_case: np.ndarray,
    pairs: Pairs,
    columns: np.ndarray,
    case_weights: np.ndarray,
) -> np.ndarray:
    """Weighted concordance [resamples] of rows in the order of their times."""
    concordant, total = np.zeros((2, columns.shape[1]))
    for cases, later in _chunks(time, is_case):
        comparable, agree = pairs(cases, later)
        weight = case_weights[cases]
        concordant += np.einsum("cr,cr->r", weight, agree @ columns[later])
        total += np.einsum("cr,cr->r", weight, comparable @ columns[later])
    return ratio(concordant, total)


def _chunks(time: np.ndarray, is_case: np.ndarray) -> Iterator[tuple[np.ndarray, slice]]:
    """Some cases, and the rows from the first that shares the time of the first case."""
    cases = np.flatnonzero(is_case)
    size = max(1, _CELLS // len(time))
    for start in range(0, len(cases), size):
        part = cases[start : start + size]
        first = int(np.searchsorted(time, time[part[0]], side="left"))
        yield part, slice(first, len(time))
