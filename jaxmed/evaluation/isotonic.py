"""Isotonic calibration: the rising step function of the smallest squared error, interpolated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.evaluation.array_module import array_module
from jaxmed.evaluation.scaling import events, of_events


def fit_isotonic(label: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Corners of the rising function of each event, and the least probability.

    Pool adjacent violators (Zadrozny and Elkan 2002, section 4.2) on the distinct probabilities.
    The least probability is 1 / (rows + 2), what Laplace's rule of succession leaves for what was
    never seen in so many rows; without it one surprise would cost an infinite log loss.
    """
    classes = probabilities.shape[1]
    columns = [1] if classes == 2 else range(classes)
    corners = [
        _corners(probabilities[:, k], truth)
        for k, truth in zip(columns, events(label, classes), strict=True)
    ]
    longest = max(len(points) for points, _ in corners)
    # Padded with the last corner again: between equal corners lies nothing.
    points, heights = (
        np.stack([np.pad(part, (0, longest - len(part)), mode="edge") for part in parts])
        for parts in zip(*corners, strict=True)
    )
    least = np.array(1 / (len(label) + 2))
    return {"points": points, "heights": heights, "least": least}


def isotonic_map(values: Mapping[str, Any], probabilities: Any) -> Any:
    """Linear between the corners, constant outside, kept inside [least, 1 - least]."""
    xp = array_module(probabilities)
    columns = probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities
    corners = values["points"], values["heights"], columns.T
    if xp is jnp:
        found = jax.vmap(_interpolated)(*map(jnp.asarray, corners))
    else:
        found = np.stack([_interpolated(*each) for each in zip(*corners, strict=True)])
    present = xp.clip(found.T, values["least"], 1 - values["least"])
    return of_events((present, 1 - present))


def _interpolated(points: Any, heights: Any, at: Any) -> Any:
    """Height at `at` [rows], of points that rise and may repeat the last one [corners]."""
    xp = array_module(at)
    last = len(points) - 1
    right = xp.clip(xp.searchsorted(points, at, side="right"), min(1, last), last)
    left = xp.maximum(right - 1, 0)
    width = points[right] - points[left]
    share = (at - points[left]) / xp.where(width > 0, width, 1)
    return heights[left] + xp.clip(share, 0, 1) * (heights[right] - heights[left])


def _corners(probability: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last probability of each pool of equal frequency, and that frequency."""
    distinct, place, count = np.unique(probability, return_inverse=True, return_counts=True)
    hits = np.bincount(place, truth, len(distinct))
    pools: list[tuple[float, int, int, int]] = []  # hits, rows, first, last
    for number, (positive, rows) in enumerate(zip(hits.tolist(), count.tolist(), strict=True)):
        pool = (positive, rows, number, number)
        # Whole numbers below 2^53: products compare frequencies exactly.
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2], pool[3])
        pools.append(pool)
    corners = [
        (distinct[place], positive / rows)
        for positive, rows, first, last in pools
        for place in ((first, last) if first < last else (first,))
    ]
    points, heights = np.array(corners).T
    return points, heights
