"""Batches of a source that is too big for memory, read ahead by worker processes or threads.

Which rows they read is decided here, so that an epoch is the same for any number of workers:
`stream` gives what `source.batch_of` gives for each line of row numbers, in order. A position in an
epoch is therefore a number of steps, and to resume is to stream the remaining lines.

A source whose `threaded` is True, such as a folder of images, is read by threads: its decoder
releases Python's lock, and decoded images need not be copied between processes.
"""

from __future__ import annotations

import collections
import contextlib
import contextvars
import threading
from collections.abc import Iterator, Mapping
from concurrent import futures

import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source, batch_of
from jaxmed.data.worker_process import WorkerDiedError, WorkerProcess

BUFFERED = 2
"""Batches that each worker keeps ready."""


def stream(
    source: Source, rows: np.ndarray, *, workers: int = 2
) -> Iterator[Mapping[str, np.ndarray]]:
    """One batch per line of row numbers, read and decoded ahead of its use.

    The workers end with the iterator; within `lasting_workers` they go on to the next stream.

    Args:
        source: of examples of equal shapes; it is pickled to worker processes, so it should hold
            paths rather than pixels.
        rows: [steps, batch] row numbers, -1 for padding, as from `batches.shuffled_rows`.
        workers: number of processes, or of threads; 0 reads every batch when it is needed.

    Raises:
        ValueError: An example cannot be read; the source's message names it.
        RuntimeError: A worker died; the message names the examples that it was reading.
    """
    checks.at_least("workers", workers, 0)
    if workers == 0 or len(rows) == 0:
        yield from (batch_of(source, line) for line in rows)
        return
    with contextlib.ExitStack() as stack:
        lasting = _lasting.get()
        if lasting is None:
            lasting = stack.enter_context(_Pools())
        yield from lasting.of(workers).batches(source, rows)


@contextlib.contextmanager
def lasting_workers() -> Iterator[None]:
    """Inside, all streams share their workers, which end with this block; `fit` is such a block.

    To start a worker takes longer than many an epoch. Also a decorator, of a function that streams
    more than once. A block within another adds nothing.
    """
    if _lasting.get() is not None:
        yield
        return
    with _Pools() as pools:
        token = _lasting.set(pools)
        try:
            yield
        finally:
            _lasting.reset(token)


class _Pools:
    """Workers by their number, started when first used."""

    def __init__(self) -> None:
        self._pools: dict[int, _Pool] = {}

    def __enter__(self) -> _Pools:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in self._pools.values():
            pool.close()

    def of(self, workers: int) -> _Pool:
        if workers not in self._pools:
            self._pools[workers] = _Pool(workers)
        return self._pools[workers]


_lasting: contextvars.ContextVar[_Pools | None] = contextvars.ContextVar("lasting", default=None)


class _Pool:
    """So many threads, which read themselves, or of which each asks a process of its own."""

    def __init__(self, workers: int) -> None:
        self._ahead = BUFFERED * workers
        self._threads = futures.ThreadPoolExecutor(workers, thread_name_prefix="jaxmed-reader")
        self._own = threading.local()
        self._processes: list[WorkerProcess] = []

    def batches(self, source: Source, rows: np.ndarray) -> Iterator[Mapping[str, np.ndarray]]:
        read = batch_of if getattr(source, "threaded", False) else self._read_by_process
        waiting: collections.deque[futures.Future[Mapping[str, np.ndarray]]] = collections.deque()
        try:
            for line in rows:
                waiting.append(self._threads.submit(read, source, line))
                if len(waiting) > self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.kill()  # the threads that wait for an answer go on
        self._threads.shutdown()
        for process in self._processes:
            process.close()

    def _read_by_process(self, source: Source, rows: np.ndarray) -> Mapping[str, np.ndarray]:
        if not hasattr(self._own, "process"):
            self._own.process = WorkerProcess()
            self._processes.append(self._own.process)
        try:
            return self._own.process.read(source, rows)
        except WorkerDiedError as error:
            del self._own.process
            raise RuntimeError(
                f"A worker died while it read {_describe(source, rows)}: check these examples, or "
                "use fewer workers if memory ran out."
            ) from error


def _describe(source: Source, line: np.ndarray) -> str:
    """The files of a line of rows where the source has files, else the row numbers."""
    chosen = [int(row) for row in line if row >= 0]
    paths = getattr(source, "paths", None)
    names = [str(paths[row]) if paths is not None else f"row {row}" for row in chosen]
    return ", ".join(names[:8]) + (f" or {len(names) - 8} more" if len(names) > 8 else "")
