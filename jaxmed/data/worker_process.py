"""A process that reads batches of sources for its parent, and ends when its parent ends.

It is a new interpreter that gets the sources and row numbers through a pipe and sends batches back.
It does not run the caller's script again, as `multiprocessing` does: so it starts in a fraction of
a second, and a script needs no `if __name__ == "__main__"`. Nothing is written to disk or put into
named shared memory, so a parent that is killed leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from jaxmed.data.source import Source, batch_of

_PROGRAM = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from jaxmed.data import worker_process; worker_process.serve()"
)
_LOOKS_FOR_PARENT = 0.5
"""Seconds between two looks of a worker whether its parent is alive."""


class WorkerDiedError(RuntimeError):
    """The process ended before it answered."""


class WorkerProcess:
    """The parent's side: a process that answers one question at a time."""

    def __init__(self) -> None:
        self._sources: list[Source] = []  # that the process has, by their numbers
        # A module of the source may import jax, which must not take memory of the accelerator.
        environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        self._greeted = False

    def read(self, source: Source, rows: np.ndarray) -> Mapping[str, np.ndarray]:
        """What `batch_of(source, rows)` gives there.

        Raises:
            WorkerDiedError: The process ended.
            Exception: What the source raised.
        """
        number = next((at for at, each in enumerate(self._sources) if each is source), None)
        pickled = None
        if number is None:
            pickled, number = _pickled(source), len(self._sources)
            self._sources.append(source)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            if not self._greeted:
                _send(self._process.stdin, sys.path)
                _send(self._process.stdin, os.getpid())
                self._greeted = True
            _send(self._process.stdin, (number, pickled, rows))
            error, batch = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as end:
            raise WorkerDiedError("A worker process ended.") from end
        if error is not None:
            raise error
        return batch

    def kill(self) -> None:
        """End the process at once: it holds nothing that could be lost."""
        self._process.kill()

    def close(self) -> None:
        """End the process, and wait until it has ended. No `read` may be under way."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # a question was written in part when it ended
            self._process.stdin.close()
        self._process.stdout.close()


def _pickled(source: Source) -> bytes:
    """Also of classes of a script or notebook, which other processes cannot import."""
    import cloudpickle

    try:
        return cloudpickle.dumps(source)
    except Exception as error:
        raise ValueError(
            f"source, a {type(source).__name__}, cannot be sent to worker processes ({error}): let "
            "it hold paths and open them when an example is read, or set workers=0."
        ) from error


def _send(pipe: BinaryIO | Any, message: Any) -> None:
    pickle.dump(message, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve() -> None:
    """The process itself: answer until the parent closes the pipe or ends."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a source prints must not get between the batches
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent decides
    # The pipe ends with the parent, but an example may be large, and a fork may hold the pipe.
    threading.Thread(target=_end_with, args=(pickle.load(questions),), daemon=True).start()
    sources: dict[int, Source] = {}
    while True:
        try:
            number, pickled, rows = pickle.load(questions)
        except EOFError:
            return
        try:
            if pickled is not None:
                sources[number] = pickle.loads(pickled)
            answer: Any = (None, batch_of(sources[number], rows))
        except Exception as error:
            answer = (_portable(error), None)
        try:
            _send(answers, answer)
        except BrokenPipeError:  # the parent has ended
            return


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS_FOR_PARENT)
    os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error with the place where it was raised, as one that can be sent."""
    error.add_note("In a worker process:\n" + "".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # such as one with arguments of its own, or of a class of the script
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
