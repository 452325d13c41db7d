"""Heartbeats measured against their own recording."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.data.signals.heartbeats import usual_beats
from jaxmed.typing import Float, Int, Num

NEAR = 20
"""Beats before and after a beat that are near it."""
LEAST_SCALE = 0.05
"""Least deviation of a usual beat, in the signal's unit, so that a flat lead is not magnified."""
EVERY = 4
"""Samples from one kept value of a window to the next."""
_LARGEST = 8.0


def beat_measurements(
    signal: Num[np.ndarray, "beats time leads"],
    rr: Num[np.ndarray, "beats 4"],
    group: Int[np.ndarray, " beats"],
) -> Float[np.ndarray, "beats measurements"]:
    """What is unusual in each beat for its recording, in its rhythm and its shape.

    No label is read, but the whole recording is, also what comes after a beat.

    - Rhythm: logarithms of the ratios of the intervals before and after the beat to their local
      mean, to the median of the near beats and to that of the recording, and to each other; the
      intervals themselves; how much the near ones vary.
    - Shape: the window and its difference from the usual beat (`usual_beats`), in units of the
      usual beat's deviation in time; correlations with the usual beat and mean differences from it
      over the window, around the beat (QRS) and before it (P); range and deviation.

    Args:
        signal: windows around the beats [beats, time, leads]; the beat is at 60 / 128 of the
            window, and the beats of a recording follow each other in time.
        rr: as `intervals` gives them [beats, 4], in seconds.
        group: the recording of each beat [beats].

    Returns:
        [beats, 13 + leads (9 + 2 ceil(time / 4))], float32, clipped to -8 .. 8.

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
    usual = usual_beats(signal, group)
    rhythm = np.empty((len(signal), 13), np.float64)
    for one in np.unique(group):
        rows = group == one
        rhythm[rows] = _rhythm(rr[rows].astype(np.float64))
    shape = _shape(signal.astype(np.float64), usual.astype(np.float64))
    joined = np.concatenate([rhythm, shape], axis=1)
    return joined.clip(-_LARGEST, _LARGEST).astype(np.float32)


def _rhythm(rr: np.ndarray) -> np.ndarray:
    """[beats of one recording, 4] -> [beats, 13]."""
    before, after, local, record = rr.T
    near = np.array([np.median(part) for part in _near(before, NEAR)])
    varies = np.array([part.std() for part in _near(before, NEAR // 2)])
    earlier = np.concatenate([before[:1], before[:-1]])
    later = np.concatenate([after[1:], after[-1:]])
    ratios = [
        *(before / local, after / local, before / near, after / near),
        *(before / record, after / record, before / earlier, after / later, before / after),
    ]
    logarithms = np.log(np.stack(ratios, axis=1))
    return np.concatenate(
        [logarithms, np.stack([before, after, record, varies / near], axis=1)], axis=1
    )


def _near(values: np.ndarray, reach: int) -> list[np.ndarray]:
    """For each place the values around it."""
    return [values[max(0, n - reach) : n + reach + 1] for n in range(len(values))]


def _shape(signal: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """[beats, time, leads] twice -> [beats, leads (9 + 2 ceil(time / 4))]."""
    scale = np.maximum(usual.std(axis=1, keepdims=True), LEAST_SCALE)
    beat, typical = signal / scale, usual / scale
    difference = beat - typical
    time = signal.shape[1]
    parts = (
        slice(None),
        slice(time * 3 // 8, time * 19 // 32),
        slice(time * 5 // 32, time * 3 // 8),
    )
    numbers = [
        *(_correlation(beat[:, part], typical[:, part]) for part in parts),
        *(np.abs(difference[:, part]).mean(axis=1) for part in parts),
        *(np.ptp(beat[:, part], axis=1) for part in parts[:2]),
        beat.std(axis=1),
    ]
    windows = [each[:, ::EVERY].reshape(len(signal), -1) for each in (difference, beat)]
    return np.concatenate([*numbers, *windows], axis=1)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's, over time, of each beat and lead; 0 where one of them is constant."""
    a, b = (each - each.mean(axis=1, keepdims=True) for each in (a, b))
    length = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(length > 0, (a * b).sum(axis=1) / np.where(length > 0, length, 1), 0)
