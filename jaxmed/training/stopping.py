"""When to stop, and which epoch was best: pure functions of the history.

A history is one row an epoch, such as {"epoch": 3, "step": 1407, "train/loss": 0.1,
"validation/auroc": 0.97}. Because nothing else decides, a resumed run stops where an
uninterrupted one would.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from jaxmed import checks

Row: TypeAlias = Mapping[str, float]
Stop: TypeAlias = Callable[[Sequence[Row]], str | None]
"""Why training should stop after the last row, or None."""


@dataclasses.dataclass(frozen=True)
class Monitor:
    """A number of the history and which way is better.

    Attributes:
        name: a key of the rows, such as "validation/auroc".
        sign: 1 where higher is better, -1 where lower is.
    """

    name: str
    sign: int

    def score(self, row: Row) -> float:
        """The number with higher always better; worst of all where it is not a number."""
        checks.known("monitor", self.name, row)
        value = row[self.name] * self.sign
        return -math.inf if math.isnan(value) else value

    def best(self, history: Sequence[Row]) -> int:
        """The index of the best row, the first of equals."""
        scores = [self.score(row) for row in history]
        return scores.index(max(scores))


def highest(name: str) -> Monitor:
    """Higher is better, as for `validation/auroc`."""
    return Monitor(name, 1)


def lowest(name: str) -> Monitor:
    """Lower is better, as for `validation/log_loss`."""
    return Monitor(name, -1)


def patience(monitor: Monitor, epochs: int) -> Stop:
    """Stop when `epochs` have passed since the best one (Prechelt 1998, section 2)."""
    checks.positive("epochs", epochs)

    def stop(history: Sequence[Row]) -> str | None:
        since = len(history) - 1 - monitor.best(history)
        if since < epochs:
            return None
        return f"{monitor.name} has not improved for {epochs} epochs"

    return stop


def reached(monitor: Monitor, target: float) -> Stop:
    """Stop when a number is as good as `target`: `reached(lowest("train/loss"), 0.01)`."""

    def stop(history: Sequence[Row]) -> str | None:
        if monitor.score(history[-1]) < target * monitor.sign:
            return None
        return f"{monitor.name} has reached {target}"

    return stop
