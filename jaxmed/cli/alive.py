"""A line now and then while nothing else is said, so that nobody thinks a run has stopped."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType


class Alive:
    """Prints sentences, and the time that has passed where none has come for a while.

    Args:
        seconds: of silence after which the time is printed.
    """

    def __init__(self, seconds: float = 15.0) -> None:
        self._seconds = seconds
        self._started = self._last = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Alive:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def say(self, sentence: str) -> None:
        """Print a sentence at once."""
        self._last = time.monotonic()
        print(sentence, flush=True)

    def row(self, row: Mapping[str, float]) -> None:
        """Take note of a round of training, of which the progress is shown."""
        del row
        # Progress in a pipe is a line in ten seconds: rounds alone are no sign of life there.
        if sys.stderr.isatty():
            self._last = time.monotonic()

    def _watch(self) -> None:
        while not self._ended.wait(min(1.0, self._seconds / 4)):
            now = time.monotonic()
            if now - self._last >= self._seconds:
                self._last = now
                print(f"... {now - self._started:.0f} s", file=sys.stderr, flush=True)
