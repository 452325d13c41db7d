"""Where the time of an epoch goes: parts by the clock, and one epoch in all detail as a trace."""

from __future__ import annotations

import contextlib
import contextvars
import time
from collections.abc import Iterator
from pathlib import Path

import jax

PARTS = ("compile", "input", "device", "evaluation", "checkpoint", "other")
"""`input` is the order of the rows, reading them and handing them over; `device` is waiting until
the epoch's steps are done; `other` is what remains of the epoch, such as loggers."""

_COMPILING = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    "/jax/core/compile/backend_compile_duration",
)


class Profile:
    """What was measured: one dict per epoch, seconds by part, over all calls of `fit`.

    Attributes:
        epochs: seconds by the names of `PARTS`.
        trace: the file of the traced epoch, for ui.perfetto.dev; None before there is one.
    """

    def __init__(self, directory: Path):
        self.epochs: list[dict[str, float]] = []
        self.trace: Path | None = None
        self._directory = directory
        self._compiling: list[tuple[float, float]] = []

    def compiled(self, event: str, duration_secs: float, **_: str | int) -> None:
        """Note a time spent compiling: tracing happens within tracing, and is counted once."""
        if event not in _COMPILING:
            return
        ended = time.perf_counter()
        began = ended - duration_secs
        while self._compiling and self._compiling[-1][0] >= began:
            self._compiling.pop()
        self._compiling.append((began, ended))

    def compiling_since(self, began: float) -> float:
        """Seconds spent compiling since that time."""
        return sum(b - max(a, began) for a, b in self._compiling if b > began)

    @contextlib.contextmanager
    def traced(self, wanted: bool) -> Iterator[None]:
        """Write the trace of what happens inside, if it is wanted and there is none yet."""
        if not wanted or self.trace is not None:
            yield
            return
        with jax.profiler.trace(str(self._directory), create_perfetto_trace=True):
            yield
        self.trace = next(self._directory.rglob("perfetto_trace.json.gz"), None)

    def table(self) -> str:
        """Seconds by part in the first epoch and, as a mean, in those after it, with shares."""
        if not self.epochs:
            return "no epoch was profiled"
        first, rest = self.epochs[0], self.epochs[1:] or self.epochs
        means = {part: sum(epoch[part] for epoch in rest) / len(rest) for part in PARTS}
        whole = sum(means.values()) or 1.0
        title = f"{'where an epoch went':<20}{'first':>10}{'later':>10}{'share':>8}"
        lines = [
            f"{part:<20}{first[part]:>8.3f} s{means[part]:>8.3f} s{means[part] / whole:>8.1%}"
            for part in PARTS
        ]
        return "\n".join([title, *lines, f"({len(self.epochs)} epochs)"])


_CURRENT: contextvars.ContextVar[Profile | None] = contextvars.ContextVar("profile", default=None)


@contextlib.contextmanager
def profiled(directory: Path) -> Iterator[Profile]:
    """Measure every epoch of each `fit` inside, and trace one: the second, which compiles nothing.

    Args:
        directory: gets the trace; made where it is missing. A trace slows its epoch down.
    """
    found = Profile(directory)
    token = _CURRENT.set(found)
    jax.monitoring.register_event_duration_secs_listener(found.compiled)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(found.compiled)
        _CURRENT.reset(token)


@contextlib.contextmanager
def epoch(number: int, epochs: int) -> Iterator[None]:
    """An epoch of `fit`, from 0, of so many: measured if a profile is being made."""
    profile = _CURRENT.get()
    if profile is None:
        yield
        return
    spent = dict.fromkeys(PARTS, 0.0)
    profile.epochs.append(spent)
    began = time.perf_counter()
    with profile.traced(number == min(1, epochs - 1)):
        yield
        whole = time.perf_counter() - began  # without the writing of the trace
    spent["other"] = whole - sum(spent.values())


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """One of `PARTS` of an epoch, measured if a profile is being made.

    Without what was spent compiling, and in parts inside this one, which are counted apart.
    """
    profile = _CURRENT.get()
    if profile is None:
        yield
        return
    spent = profile.epochs[-1]
    began, before = time.perf_counter(), dict(spent)
    yield
    whole = time.perf_counter() - began
    compiling = profile.compiling_since(began) - (spent["compile"] - before["compile"])
    spent["compile"] += compiling
    spent[name] += whole - compiling - (sum(spent.values()) - sum(before.values()) - compiling)
