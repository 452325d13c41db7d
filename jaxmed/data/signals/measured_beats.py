"""Heartbeats measured against their own recording."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.data.signals import beat_neighbors, beat_rhythm
from jaxmed.data.signals.heartbeats import usual_beats
from jaxmed.typing import Float, Int, Num

LEAST_SCALE = 0.05
"""Least deviation of a usual beat, in the signal's unit, so that a flat lead is not magnified."""
_LARGEST = 8.0


def beat_measurements(
    signal: Num[np.ndarray, "beats time leads"],
    rr: Num[np.ndarray, "beats 4"],
    group: Int[np.ndarray, " beats"],
) -> Float[np.ndarray, "beats measurements"]:
    """What is unusual in each beat for its recording, in its rhythm and its shape.

    No label is read, but the whole recording is, also what comes after a beat.

    - Rhythm (33): logarithms of the ratios of the intervals around the beat to those near it and
      to those of the recording; the intervals themselves; how irregular they are.
    - Shape (9 per lead): correlations with the usual beat (`usual_beats`) and mean differences from
      it over the window, around the beat (QRS) and before it (P), range and deviation, in units of
      the usual beat's deviation in time.
    - Neighbors (14): the same ratios over the beats of the recording that are most similar in
      shape, and how many are similar.

    They are few, so that they mean the same in another patient. Where shapes themselves are
    wanted, pass `signal` to a network.

    Args:
        signal: windows around the beats [beats, time, leads]; the beat is at 60 / 128 of the
            window, and the beats of a recording follow each other in time.
        rr: as `intervals` gives them [beats, 4], in seconds.
        group: the recording of each beat [beats].

    Returns:
        [beats, 47 + 9 leads], float32, clipped to -8 .. 8.

    Raises:
        ValueError: for other shapes, windows shorter than 16, or intervals that are not positive.
    """
    signal = checks.real_array("signal", signal, "beats time leads")
    rr = checks.real_array("rr", rr, "beats intervals")
    group = checks.real_array("group", group, "beats")
    checks.shapes(
        signal=(signal, "beats time leads"), rr=(rr, "beats intervals"), group=(group, "beats")
    )
    if signal.shape[1] < 16:
        raise ValueError(
            f"signal has windows of {signal.shape[1]} samples, but must have at least 16: cut "
            "longer ones."
        )
    if rr.shape[1] != 4 or not (np.isfinite(rr) & (rr > 0)).all():
        raise ValueError(
            f"rr has shape {rr.shape}, but must hold four intervals above 0 for each beat: pass "
            "what signals.intervals gives."
        )
    scaled, usual = _scaled(signal.astype(np.float64), usual_beats(signal, group))
    parts = (beat_rhythm.MEASUREMENTS, beat_neighbors.MEASUREMENTS)
    rhythm, neighbors = (np.empty((len(signal), width)) for width in parts)
    for one in np.unique(group):
        rows = group == one
        rhythm[rows] = beat_rhythm.rhythm_measurements(rr[rows])
        neighbors[rows] = beat_neighbors.neighbor_measurements(scaled[rows], rr[rows])
    joined = np.concatenate([rhythm, _shape(scaled, usual), neighbors], axis=1)
    return joined.clip(-_LARGEST, _LARGEST).astype(np.float32)


def _scaled(signal: np.ndarray, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in units of the usual beat's deviation in time."""
    scale = np.maximum(usual.astype(np.float64).std(axis=1, keepdims=True), LEAST_SCALE)
    return signal / scale, usual / scale


def _shape(beat: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """[beats, time, leads] twice -> [beats, 9 leads]."""
    difference = beat - usual
    time = beat.shape[1]
    parts = (
        slice(None),
        slice(time * 3 // 8, time * 19 // 32),
        slice(time * 5 // 32, time * 3 // 8),
    )
    numbers = [
        *(_correlation(beat[:, part], usual[:, part]) for part in parts),
        *(np.abs(difference[:, part]).mean(axis=1) for part in parts),
        *(np.ptp(beat[:, part], axis=1) for part in parts[:2]),
        beat.std(axis=1),
    ]
    return np.concatenate(numbers, axis=1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's, over time, of each beat and lead; 0 where one of them is constant."""
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(length > 0, (a * b).sum(axis=1) / np.where(length > 0, length, 1), 0)
