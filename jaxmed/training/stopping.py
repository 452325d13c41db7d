"""When to stop, and which round was best: pure functions of the history.

A history has one row per round, by default an epoch, such as
{"epoch": 3, "step": 1407, "train/loss": 0.1, "validation/auroc": 0.97}.
Because nothing else decides, a resumed run stops where an uninterrupted one would.
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
        name: a number of validation, such as "auroc", or of training, such as "train/loss".
        sign: 1 where higher is better, -1 where lower is.
    """

    name: str
    sign: int

    @property
    def of_training(self) -> bool:
        """Whether it is a number of training, such as "train/loss", not of validation data."""
        return self.name.startswith("train/")

    def score(self, row: Row) -> float:
        """The number with higher always better; worst of all where it is not a number."""
        name = self.name if self.name in row else f"validation/{self.name}"
        if name not in row:
            checks.known("monitor", self.name, [key.removeprefix("validation/") for key in row])
        value = row[name] * self.sign
        return -math.inf if math.isnan(value) else value

    def best(self, history: Sequence[Row]) -> int:
        """The index of the best row, the first of equals."""
        scores = [self.score(row) for row in history]
        return scores.index(max(scores))


def highest(name: str) -> Monitor:
    """Higher is better, as for "auroc"."""
    return Monitor(name, 1)


def lowest(name: str) -> Monitor:
    """Lower is better, as for "log_loss"."""
    return Monitor(name, -1)


def patience(monitor: Monitor, rounds: int) -> Stop:
    """Stop when so many rounds have passed since the best one (Prechelt 1998, section 2)."""
    checks.positive("patience", rounds)

    def stop(history: Sequence[Row]) -> str | None:
        since = len(history) - 1 - monitor.best(history)
        if since < rounds:
            return None
        return f"{monitor.name} has not improved for {rounds} rounds"

    return stop


def reached(monitor: Monitor, target: float) -> Stop:
    """Stop when a number is as good as `target`: `reached(lowest("train/loss"), 0.01)`."""

    def stop(history: Sequence[Row]) -> str | None:
        if monitor.score(history[-1]) < target * monitor.sign:
            return None
        return f"{monitor.name} has reached {target}"

    return stop
