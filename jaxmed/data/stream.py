"""Batches of a source that is too big for memory, decoded ahead by worker processes or threads.

grain runs the workers; what they read is decided here, by row number, so that an epoch is the
same whoever reads it: `stream` gives what `source.batch_of` gives for each line of rows, in order.
Where training stands in an epoch is therefore a number of steps, and to go on from there is to
stream the lines that are left. Nothing here imports jax, which workers would wait for.

A source whose `threaded` is True, such as a folder of images, is read by threads: its decoder lets
go of Python's lock, and what is decoded need not travel from one process to another.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source, batch_of

BUFFERED = 2
"""Batches that each worker has ready."""


def stream(
    source: Source, rows: np.ndarray, *, workers: int = 2
) -> Iterator[Mapping[str, np.ndarray]]:
    """One batch a line of row numbers, read and decoded ahead of its use.

    Args:
        source: of examples of equal shapes; pickled to worker processes, so it should hold paths
            rather than pixels.
        rows: [steps, batch] of each batch, -1 for padding, such as `batches.shuffled_rows` gives.
        workers: processes, or threads of this one; 0 reads when asked, and no batch ahead.

    Raises:
        ValueError: if an example cannot be read; the message names it, as the source does.
        RuntimeError: if a worker dies; the message names the examples that it was reading.
    """
    checks.at_least("workers", workers, 0)
    if workers == 0 or len(rows) == 0:
        yield from (batch_of(source, line) for line in rows)
    elif getattr(source, "threaded", False):
        yield from _by_threads(source, rows, workers)
    else:
        yield from _by_processes(source, rows, workers)


def _by_threads(
    source: Source, rows: np.ndarray, workers: int
) -> Iterator[Mapping[str, np.ndarray]]:
    import grain

    ahead = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=BUFFERED * workers)
    yield from grain.MapDataset.source(_Lines(source, rows)).to_iter_dataset(ahead)


def _by_processes(
    source: Source, rows: np.ndarray, workers: int
) -> Iterator[Mapping[str, np.ndarray]]:
    import grain
    from absl import flags

    if not flags.FLAGS.is_parsed():  # else grain refuses to start workers
        flags.FLAGS.mark_as_parsed()
    with tempfile.TemporaryDirectory(prefix="jaxmed-") as notes:
        lines = grain.MapDataset.source(_NotedLines(source, rows, Path(notes)))
        options = grain.MultiprocessingOptions(
            num_workers=min(workers, len(rows)), per_worker_buffer_size=BUFFERED
        )
        at_once = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
        found = iter(lines.to_iter_dataset(at_once).mp_prefetch(options))
        try:
            for batch in found:  # copied out of the memory that is shared with the workers
                yield {name: np.array(column) for name, column in batch.items()}
        except RuntimeError as error:
            reading = _unfinished(Path(notes))
            if not reading:
                raise
            named = "; ".join(_named(source, line) for line in reading)
            raise RuntimeError(
                f"A worker died while it read {named}: look at these, or read with fewer "
                "workers if memory ran out."
            ) from error


@dataclasses.dataclass(frozen=True)
class _Lines:
    """One batch an item."""

    source: Source
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Mapping[str, np.ndarray]:
        return batch_of(self.source, self.rows[index])


@dataclasses.dataclass(frozen=True)
class _NotedLines(_Lines):
    """Which also notes what it reads while it does, for who finds its worker dead."""

    notes: Path

    def __getitem__(self, index: int) -> Mapping[str, np.ndarray]:
        note = self.notes / f"{os.getpid()}-{index}"
        np.save(note, self.rows[index])
        try:
            return super().__getitem__(index)
        finally:  # what is killed does not come here
            note.with_suffix(".npy").unlink()


def _unfinished(notes: Path) -> list[np.ndarray]:
    """The lines of rows that processes which are no more had not finished."""
    return [
        np.load(note)
        for note in sorted(notes.glob("*.npy"))
        if not _alive(int(note.name.split("-")[0]))
    ]


def _alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _named(source: Source, line: np.ndarray) -> str:
    """The files of a line of rows where the source has files, else the rows."""
    chosen = [int(row) for row in line if row >= 0]
    paths = getattr(source, "paths", None)
    names = [str(paths[row]) if paths is not None else f"row {row}" for row in chosen]
    return ", ".join(names[:8]) + (f" or {len(names) - 8} more" if len(names) > 8 else "")
