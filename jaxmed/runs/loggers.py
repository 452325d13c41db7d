"""Loggers: functions that are shown each row of a run's history as it is made."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from jaxmed import checks
from jaxmed.runs.history import Row, history_line

Logger: TypeAlias = Callable[[Row], None]


def progress(steps: int, *, file: TextIO | None = None, seconds: float = 10.0) -> Logger:
    """A line with the share that is done, the row's numbers and the time left.

    On a terminal the line is redrawn; after each row the cursor is on a new line, so that a run
    that stops early or fails leaves the terminal usable. Elsewhere it is a plain line, at most
    one in so many seconds, and one at the end.

    Args:
        steps: how many there will be at the most.
        file: where to write; standard error by default.
        seconds: between two plain lines.
    """
    steps = checks.whole("steps", steps)
    checks.at_least("seconds", seconds, 0)
    file = sys.stderr if file is None else file
    return _drawn(steps, file) if file.isatty() else _plain(steps, file, seconds)


def _plain(steps: int, file: Any, seconds: float) -> Logger:
    started = last = time.monotonic()
    first: int | None = None

    def show(row: Row) -> None:
        nonlocal last, first
        now, step = time.monotonic(), int(row["step"])
        first = step if first is None else first
        if now - last < seconds and step < steps:
            return
        last = now
        words = [f"epoch {row['epoch']:g}", f"step {step:,}/{steps:,}", _numbers(row)]
        if step < steps and step > first:
            words.append(_left(now - started, step - first, steps - step))
        print("  ".join(words), file=file, flush=True)

    return show


def _drawn(steps: int, file: Any) -> Logger:
    from rich.console import Console
    from rich.control import Control
    from rich.progress_bar import ProgressBar
    from rich.segment import ControlType
    from rich.table import Table
    from rich.text import Text

    console = Console(file=file)
    started = time.monotonic()
    first: int | None = None

    def show(row: Row) -> None:
        nonlocal first
        step = int(row["step"])
        if first is not None:
            console.control(Control((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)))
        first = step if first is None else first  # a resumed run does not start at one
        left = "done"
        if step < steps:
            left = _left(time.monotonic() - started, step - first, steps - step)
        done = f"epoch {row['epoch']:g} step {step:,}/{steps:,}"
        line = Table.grid(padding=(0, 2, 0, 0))
        for width in (len(done), 12, len(left)):
            line.add_column(min_width=width)
        line.add_column()  # only the numbers give way
        bar = ProgressBar(total=steps, completed=step, width=12)
        line.add_row(done, bar, left, Text(_numbers(row), no_wrap=True, overflow="ellipsis"))
        console.print(line, highlight=False)

    return show


def _numbers(row: Row) -> str:
    """`train loss 0.12 accuracy 0.97  validation auroc 0.99`: each split is named once."""
    splits: dict[str, list[str]] = {}
    for name, value in row.items():
        split, _, metric = name.rpartition("/")
        if name not in ("epoch", "step", "seconds"):
            splits.setdefault(split, [split] if split else []).append(f"{metric} {value:.4g}")
    return "  ".join(" ".join(words) for words in splits.values())


def _left(elapsed: float, steps_done: int, steps_left: int) -> str:
    """The time left, once there is a pace to tell it from."""
    if not steps_done:
        return ""
    minutes, seconds = divmod(round(elapsed / steps_done * steps_left), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{clock} left"


def jsonl(path: Path) -> Logger:
    """Append each row to `path` as one line of JSON, on disk before the next epoch starts.

    NaN is written as null and the infinities as "Infinity" and "-Infinity", because JSON has no
    words for them; `history.read_history` gives the numbers back.
    """
    path = checks.path("path", path).absolute()

    def append(row: Row) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(history_line(row))

    return append
