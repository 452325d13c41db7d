"""What the beats of similar shape in the same recording have in common."""

from __future__ import annotations

import numpy as np

from jaxmed.data.signals.beat_rhythm import NEAR, rolling_quantiles
from jaxmed.typing import Float

NEIGHBORS = 16
"""Beats that are nearest in shape, the beat itself included."""
MEASUREMENTS = 14
"""How many `neighbor_measurements` gives."""
_ROWS = 512  # whose distances to all beats are held at a time
_LEAST = 1e-3


def neighbor_measurements(
    beat: Float[np.ndarray, "beats time leads"], rr: Float[np.ndarray, "beats 4"]
) -> Float[np.ndarray, "beats measurements"]:
    """How the most similar beats of the recording are timed, and how many beats are similar.

    A ventricular ectopic focus gives beats of one shape that all come early, so a beat is better
    judged with those that look like it. Done twice: over the QRS complex and the T wave, and over
    the P wave before them.

    Args:
        beat: windows of all beats of one recording, in units of its usual beat's deviation.
        rr: their intervals, as `intervals` gives them, above 0.

    Returns:
        [beats, 14], for each of the two parts: means over the nearest beats of the logarithms of
        the intervals before and after to the near median, before to the median of the recording,
        and after to before (4); logarithms of the mean distance to them, of the share of beats
        within twice the usual such distance, and of the distance within which a fifth of the beats
        lie (3).
    """
    before, after, _, record = rr.T.astype(np.float64)
    near = rolling_quantiles(before, NEAR, (0.5,))[:, 0]
    timing = np.log(
        np.stack([before / near, after / near, before / record, after / before], axis=1)
    )
    time = beat.shape[1]
    parts = (slice(time * 11 // 32, time * 3 // 4), slice(time // 8, time * 25 // 64))
    return np.concatenate([_of_part(beat[:, part], timing) for part in parts], axis=1)


def _of_part(part: np.ndarray, timing: np.ndarray) -> np.ndarray:
    """[beats, time, leads] and timing [beats, 4] -> [beats, 7]."""
    flat = part.reshape(len(part), -1).astype(np.float32)
    count, place = min(NEIGHBORS, len(flat)), len(flat) // 5
    means, nearest, furthest, fifth = [], [], [], []
    for first in range(0, len(flat), _ROWS):
        distance = _distances(flat[first : first + _ROWS], flat)
        order = np.argpartition(distance, (count - 1, place), axis=1)
        own = np.take_along_axis(distance, order[:, :count], axis=1)
        means.append(timing[order[:, :count]].mean(axis=1))
        nearest.append(own.mean(axis=1))
        furthest.append(own[:, -1])
        fifth.append(np.take_along_axis(distance, order[:, place, None], axis=1)[:, 0])
    radius = 2 * np.median(np.concatenate(furthest))
    shares = [
        (_distances(flat[first : first + _ROWS], flat) <= radius).mean(axis=1)
        for first in range(0, len(flat), _ROWS)
    ]
    numbers = (np.concatenate(each) for each in (nearest, shares, fifth))
    return np.concatenate(
        [np.concatenate(means), *(np.log(each + _LEAST)[:, None] for each in numbers)], axis=1
    )


def _distances(rows: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Root mean square differences [rows, beats]."""
    squares = (rows**2).sum(1)[:, None] + (flat**2).sum(1) - 2 * rows @ flat.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / flat.shape[1]))
