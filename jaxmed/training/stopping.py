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
        """The number with higher always better; worst of all where it is undefined."""
        value = row[self._key(row)] * self.sign
        return -math.inf if math.isnan(value) else value

    def best(self, history: Sequence[Row]) -> int:
        """The index of the best row, the first of equals.

        Raises:
            ValueError: if the number is undefined (NaN) in every row, so that none is best.
        """
        undefined = self.undefined(history)
        if len(undefined) == len(history):
            raise ValueError(f"{self.describe_undefined(history, undefined[0])}.")
        scores = [self.score(row) for row in history]
        return scores.index(max(scores))

    def undefined(self, history: Sequence[Row]) -> list[int]:
        """The indices of the rows in which the number is undefined (NaN)."""
        return [n for n, row in enumerate(history) if math.isnan(row[self._key(row)])]

    def _key(self, row: Row) -> str:
        """The monitor's name in a row of the history."""
        name = self.name if self.name in row else f"validation/{self.name}"
        if name not in row:
            checks.known("monitor", self.name, [key.removeprefix("validation/") for key in row])
        return name

    def describe_undefined(self, history: Sequence[Row], index: int) -> str:
        """What to say of a row in which the number is undefined."""
        return (
            f"{self._key(history[index])} is undefined (nan) in round {index + 1}, because a "
            "prediction is NaN or the data lack what it compares, such as a second class: choose "
            "another monitor or larger validation data"
        )


def highest(name: str) -> Monitor:
    """Higher is better, as for "auroc"."""
    checks.text("name", name)
    return Monitor(name, 1)


def lowest(name: str) -> Monitor:
    """Lower is better, as for "log_loss"."""
    checks.text("name", name)
    return Monitor(name, -1)


def patience(monitor: Monitor, rounds: int) -> Stop:
    """Stop when so many rounds have passed since the best one (Prechelt 1998, section 2).

    The reason says so where the number was undefined (NaN) in one of them.
    """
    checks.made_by("monitor", monitor, Monitor, "a Monitor, such as highest('auroc')")
    rounds = checks.whole("patience", rounds)

    def stop(history: Sequence[Row]) -> str | None:
        best = monitor.best(history)
        if len(history) - 1 - best < rounds:
            return None
        later = [index for index in monitor.undefined(history) if index > best]
        if later:
            return monitor.describe_undefined(history, later[0])
        return f"{monitor.name} has not improved for {rounds} rounds"

    return stop


def reached(monitor: Monitor, target: float) -> Stop:
    """Stop when a number is as good as `target`: `reached(lowest("train/loss"), 0.01)`."""
    checks.made_by("monitor", monitor, Monitor, "a Monitor, such as highest('auroc')")
    checks.finite("target", target)

    def stop(history: Sequence[Row]) -> str | None:
        if monitor.score(history[-1]) < target * monitor.sign:
            return None
        return f"{monitor.name} has reached {target}"

    return stop
