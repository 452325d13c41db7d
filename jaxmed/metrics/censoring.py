"""Inverse probability of censoring weights, from Kaplan-Meier curves of the censoring.

G(t) = P(not censored until t, t included) is the Kaplan-Meier curve in which censored rows (event
0) are the events. Where events and censored rows share a time, the events come first: they are no
longer at risk of being censored.
"""

from typing import NamedTuple

import numpy as np

from jaxmed.metrics.risk_sets import Counts, at_times, counts, share
from jaxmed.metrics.survival_arguments import time_and_event
from jaxmed.metrics.weighted import ratio
from jaxmed.typing import Num

TrainRows = Num[np.ndarray, "train"] | None


class Censoring(NamedTuple):
    """The distribution of censoring.

    Attributes:
        times: the distinct times in increasing order [times].
        free: G at these times [times, resamples], or [times, 1] if it is the same in all resamples.
        last: the last observed time.
        known_at_last: whether G is above 0 at the last observed time, all rows counting once.
    """

    times: np.ndarray
    free: np.ndarray
    last: float
    known_at_last: bool

    def at(self, times: np.ndarray) -> np.ndarray:
        """G at any times [n], as [n, resamples or 1]."""
        return at_times(self.free, self.times, times)

    def check(self, times: np.ndarray, time: np.ndarray) -> None:
        """Refuse times [times] that go beyond what was observed, or at which G is 0 or unknown."""
        latest = float(times[-1])
        if latest > time.max():
            raise ValueError(
                f"times holds {latest:g}, but must be at most {time.max():g}, the last observed "
                "time: leave later times out."
            )
        if not self.is_known(latest):
            bound = "at most" if self.known_at_last else "below"
            raise ValueError(
                f"times holds {latest:g}, where the censoring survival is 0 or unknown, but must "
                f"be {bound} {self.last:g}: leave later times out."
            )

    def is_known(self, time: float) -> bool:
        """Whether G is known and above 0 at a time, all rows counting once."""
        return time < self.last or (time == self.last and self.known_at_last)


def censoring_of(
    time: np.ndarray,
    event: np.ndarray,
    columns: np.ndarray,
    train_time: np.ndarray | None,
    train_event: np.ndarray | None,
    causes: int,
) -> Censoring:
    """The distribution of censoring of the training rows, or of the rows themselves.

    The rows' own is computed anew in each resample; that of training rows is the same in all.
    """
    if (train_time is None) != (train_event is None):
        missing = "train_time" if train_time is None else "train_event"
        raise ValueError(f"{missing} is None, but must be given with the other: pass both or none.")
    if train_time is not None and train_event is not None:
        time, event = time_and_event(train_time, train_event, causes, ("train_time", "train_event"))
        columns = np.ones((len(time), 1))
    found = counts(time, (event == 0).astype(np.int64), 1, columns)
    last = found.times[-1]
    return Censoring(found.times, _free(found), float(last), bool(event[time == last].all()))


def inverse(weight: np.ndarray, free: np.ndarray) -> np.ndarray:
    """`weight` / `free`: 0 where the weight is 0, NaN where only `free` is."""
    free = np.broadcast_to(free, weight.shape)
    return np.where(weight > 0, ratio(weight, free), 0.0)


def _free(found: Counts) -> np.ndarray:
    # The events here are the censored rows. True events of the same time have left before.
    later = np.concatenate([found.at_risk[1:], np.zeros_like(found.at_risk[:1])])
    return np.cumprod(1 - share(found.events[0], later + found.events[0]), axis=0)
