"""One writer per run: a lock that ends with the process, however it ends."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the folder of a run while the block runs.

    The operating system keeps the lock (`flock`), so that it ends with its process, also with one
    that is killed. Where there is no `flock`, as on Windows, nothing is locked.

    Args:
        directory: of the run; made where it is missing. Its file `.lock` stays there.

    Raises:
        FileExistsError: The folder cannot be made; or another process, or another call in this
            one, holds it, and the message says which and since when.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FileExistsError(
            f"directory is {directory}, which is a file, a link to nothing, or below a file: "
            "remove it, or choose another directory."
        ) from error
    with (directory / LOCK).open("a+", encoding="utf-8") as file:
        try:
            import fcntl
        except ImportError:
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = " ".join(file.read(100).split()) or "another process"
            raise FileExistsError(
                f"directory is {directory}, where {holder} writes: wait until it has ended, or "
                "choose another directory."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} (since {time.strftime('%Y-%m-%d %H:%M:%S')})\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
