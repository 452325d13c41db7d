"""Batches of a source that is too big for memory, read ahead by worker processes or threads.

grain runs the workers. Which rows they read is decided here, so that an epoch is the same for any
number of workers: `stream` gives what `source.batch_of` gives for each line of row numbers, in
order. A position in an epoch is therefore a number of steps, and to resume is to stream the
remaining lines. Nothing here imports jax, which would slow down the start of the workers.

A source whose `threaded` is True, such as a folder of images, is read by threads: its decoder
releases Python's lock, and decoded images need not be copied between processes.
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
"""Batches that each worker keeps ready."""


def stream(
    source: Source, rows: np.ndarray, *, workers: int = 2
) -> Iterator[Mapping[str, np.ndarray]]:
    """One batch per line of row numbers, read and decoded ahead of its use.

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
    elif getattr(source, "threaded", False):
        yield from _read_by_threads(source, rows, workers)
    else:
        yield from _read_by_processes(source, rows, workers)


def _read_by_threads(
    source: Source, rows: np.ndarray, workers: int
) -> Iterator[Mapping[str, np.ndarray]]:
    import grain

    ahead = grain.ReadOptions(num_threads=workers, prefetch_buffer_size=BUFFERED * workers)
    yield from grain.MapDataset.source(_Lines(source, rows)).to_iter_dataset(ahead)


def _read_by_processes(
    source: Source, rows: np.ndarray, workers: int
) -> Iterator[Mapping[str, np.ndarray]]:
    import grain
    from absl import flags

    if not flags.FLAGS.is_parsed():  # otherwise grain refuses to start workers
        flags.FLAGS.mark_as_parsed()
    with tempfile.TemporaryDirectory(prefix="jaxmed-") as notes:
        lines = grain.MapDataset.source(_LoggedLines(source, rows, Path(notes)))
        options = grain.MultiprocessingOptions(
            num_workers=min(workers, len(rows)), per_worker_buffer_size=BUFFERED
        )
        unbuffered = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
        batches = iter(lines.to_iter_dataset(unbuffered).mp_prefetch(options))
        try:
            for batch in batches:  # copied from the memory that is shared with the workers
                yield {name: np.array(column) for name, column in batch.items()}
        except RuntimeError as error:
            reading = _unfinished(Path(notes))
            if not reading:
                raise
            names = "; ".join(_describe(source, line) for line in reading)
            raise RuntimeError(
                f"A worker died while it read {names}: check these examples, or use fewer "
                "workers if memory ran out."
            ) from error


@dataclasses.dataclass(frozen=True)
class _Lines:
    """One batch per item."""

    source: Source
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Mapping[str, np.ndarray]:
        return batch_of(self.source, self.rows[index])


@dataclasses.dataclass(frozen=True)
class _LoggedLines(_Lines):
    """The same, with a file that names the rows while they are read, in case the worker dies."""

    notes: Path

    def __getitem__(self, index: int) -> Mapping[str, np.ndarray]:
        note = self.notes / f"{os.getpid()}-{index}"
        np.save(note, self.rows[index])
        try:
            return super().__getitem__(index)
        finally:  # not reached by a killed worker
            note.with_suffix(".npy").unlink()


def _unfinished(notes: Path) -> list[np.ndarray]:
    """The lines of rows that dead processes had not finished."""
    return [
        np.load(note)
        for note in sorted(notes.glob("*.npy"))
        if not _alive(int(note.name.split("-")[0]))
    ]


def _alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _describe(source: Source, line: np.ndarray) -> str:
    """The files of a line of rows where the source has files, else the row numbers."""
    chosen = [int(row) for row in line if row >= 0]
    paths = getattr(source, "paths", None)
    names = [str(paths[row]) if paths is not None else f"row {row}" for row in chosen]
    return ", ".join(names[:8]) + (f" or {len(names) - 8} more" if len(names) > 8 else "")
