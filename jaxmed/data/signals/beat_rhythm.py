"""The rhythm around each beat of one recording: intervals as ratios to those around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed.typing import Float

NEAR = 20
"""Intervals before and after a beat that are near it."""
MEASUREMENTS = 33
"""How many `rhythm_measurements` gives."""


def rhythm_measurements(
    rr: Float[np.ndarray, "beats 4"],
) -> Float[np.ndarray, "beats measurements"]:
    """How early or late each beat is, in logarithms of ratios of intervals.

    A median alone is not enough: in a recording where most beats are early, the median interval is
    that of an early beat. Means, which long pauses raise, and upper quantiles are nearer to the
    interval of the sinus rhythm.

    Args:
        rr: of all beats of one recording, as `intervals` gives them, above 0.

    Returns:
        [beats, 33]: the intervals before and after the beat to their local mean, to the median of
        those near, to that of the recording, to the interval before and after them, and to each
        other (9); both intervals and the median of the recording in seconds, and the deviation of
        the near ones (4); the interval before to quantiles of those around it and of the recording
        (10); the two intervals before it and the two after it to the near median (4); the interval
        before to the mean of those near, and both to the mean of the recording (3). And how
        irregular the rhythm is (3): the median change from one interval to the next, near the beat
        and in the recording, as logarithms, and how early the beat is in units of that change:
        what is early in a sinus rhythm is usual in atrial fibrillation.
    """
    before, after, local, record = rr.T.astype(np.float64)
    near = rolling_quantiles(before, NEAR, (0.5,))[:, 0]
    quantiles = [
        *rolling_quantiles(before, NEAR // 2, (0.25, 0.75, 0.9)).T,
        *rolling_quantiles(before, 50, (0.25, 0.75, 0.9)).T,
        *np.quantile(before, (0.1, 0.25, 0.75, 0.9)),
    ]
    ratios = [
        *(before / local, after / local, before / near, after / near),
        *(before / record, after / record),
        *(before / _moved(before, -1), after / _moved(after, 1), before / after),
    ]
    varies = np.nanstd(_around(before, NEAR // 2, np.nan), axis=1) / near
    mean = np.nanmean(_around(before, NEAR, np.nan), axis=1)
    changes = np.abs(np.diff(np.log(before), prepend=np.log(before[0])))
    irregular = rolling_quantiles(changes, 30, (0.5,))[:, 0]
    overall = np.full(len(before), np.median(changes))
    to_means = [before / mean, before / before.mean(), after / before.mean()]
    return np.concatenate(
        [
            np.log(np.stack(ratios, axis=1)),
            np.stack([before, after, record, varies], axis=1),
            np.log(np.stack([before / each for each in quantiles], axis=1)),
            np.log(np.stack([_moved(before, n) / near for n in (-2, -1, 1, 2)], axis=1)),
            np.log(np.stack([*to_means, irregular + 0.01, overall + 0.01], axis=1)),
            (np.log(before / near) / (3 * irregular + 0.1))[:, None],
        ],
        axis=1,
    )


def rolling_quantiles(
    values: Float[np.ndarray, " beats"], reach: int, levels: Sequence[float]
) -> Float[np.ndarray, "beats levels"]:
    """Quantiles of the values around each, fewer of them at both ends; as `numpy.quantile`.

    Args:
        values: in the order of time.
        reach: values before and after each.
        levels: of the quantiles, in [0, 1].
    """
    ordered = np.sort(_around(values, reach, np.inf), axis=1)
    last = np.isfinite(ordered).sum(axis=1) - 1
    found = []
    for level in levels:
        place = level * last
        below = np.floor(place).astype(np.int64)
        low, high = (
            np.take_along_axis(ordered, each[:, None], axis=1)[:, 0]
            for each in (below, np.minimum(below + 1, last))
        )
        found.append(low + (high - low) * (place - below))
    return np.stack(found, axis=1)


def _around(values: np.ndarray, reach: int, beyond: float) -> np.ndarray:
    """[beats, 2 reach + 1]: each value with its neighbors; `beyond` where there are none."""
    padded = np.pad(values, reach, constant_values=beyond)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)


def _moved(values: np.ndarray, by: int) -> np.ndarray:
    """For each place the value so many places later; at the ends the last one there is."""
    return values[np.clip(np.arange(len(values)) + by, 0, len(values) - 1)]
