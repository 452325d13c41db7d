"""SIGTERM as an exception, so that a program that is asked to end closes what it has open."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def sigterm_as_exit() -> Iterator[None]:
    """Inside, SIGTERM raises SystemExit with status 143, so `finally` clauses run.

    For whole programs: the command line and experiments call it, `fit` and the rest of the package
    never touch a signal. It does nothing outside of the main thread, where Python allows no
    handlers, and where somebody has decided already what SIGTERM does.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - its signature
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
