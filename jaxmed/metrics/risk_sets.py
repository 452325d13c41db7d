"""Who is at risk, has an event and is censored at each distinct time, for all resamples at once."""

from typing import NamedTuple

import numpy as np


class Counts(NamedTuple):
    """Weights of the rows by distinct time.

    Attributes:
        times: the distinct times in increasing order [times].
        at_risk: weight of the rows that are observed at least until each time [times, resamples].
        events: weight of the rows whose event is at each time [causes, times, resamples].
        censored: weight of the rows that are censored at each time [times, resamples].
    """

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    censored: np.ndarray


def counts(time: np.ndarray, event: np.ndarray, causes: int, columns: np.ndarray) -> Counts:
    """Sums over rows by distinct time, for weights [rows, resamples]."""
    order = np.argsort(time, kind="stable")
    times, first = np.unique(time[order], return_index=True)
    columns, event = columns[order], event[order, None]
    by_event = [np.add.reduceat(columns * (event == k), first, axis=0) for k in range(causes + 1)]
    leaving = np.sum(by_event, axis=0)
    at_risk = np.cumsum(leaving[::-1], axis=0)[::-1]
    return Counts(times, at_risk, np.stack(by_event[1:]), by_event[0])


def incidences(found: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative incidences [causes, times, resamples] and survival [times, resamples]."""
    shares = share(found.events, found.at_risk)
    survival = np.cumprod(1 - share(found.events.sum(axis=0), found.at_risk), axis=0)
    before = np.concatenate([np.ones_like(survival[:1]), survival[:-1]])
    return np.cumsum(before * shares, axis=1), survival


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part` / `whole`, 0 where no row is at risk."""
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def at_times(curve: np.ndarray, steps: np.ndarray, times: np.ndarray) -> np.ndarray:
    """A curve [steps, ...] that starts at 1 and jumps at `steps`, read at `times`."""
    whole = np.concatenate([np.ones((1, *curve.shape[1:])), curve])
    return whole[np.searchsorted(steps, times, side="right")]
