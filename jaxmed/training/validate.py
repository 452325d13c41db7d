"""Checks of data before the first step: invalid data fails with one clear sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jaxmed import fitted
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.tasks import Task
from jaxmed.training.fingerprint import DataFingerprint
from jaxmed.typing import Columns, Tree

_CHUNK = 1024
"""Examples of a source that are read and checked at once."""
_KEPT_BYTES = 64 * 2**20
"""Of each column of a source, for what is asked of the split as a whole."""


def checked(
    name: str,
    task: Task,
    data: Columns | Source,
    *,
    training: bool,
    workers: int = 0,
    fingerprint: DataFingerprint | None = None,
) -> Tree:
    """Refuse data that the task cannot use, and count the task's constants on the way.

    A source is read once for that, which costs about an epoch's reading; columns are at hand.

    Args:
        name: what the caller calls the split, such as "train".
        task: says what it needs of targets, which columns may have missing values, what it counts.
        data: columns or a source.
        training: whether the model learns from it: then every class needs examples, and the
            constants are counted.
        workers: that read a source ahead.
        fingerprint: to which all rows are added, where one is wanted.

    Returns:
        The constants, `{}` where nothing is counted.

    Raises:
        ValueError: for an empty split, columns of unequal length, numbers that are not finite,
            and targets that do not suit the task.
    """
    if isinstance(data, Mapping):
        if "mask" in data:
            raise ValueError(
                f"{name} holds a column `mask`, which says in each batch what is padding and would "
                "be overwritten: rename it."
            )
        check_columns(name, data, missing=task.missing)
        _refuse(name, task.judge.check(data, training=training))
        if fingerprint is not None:
            fingerprint.add(data)
        return task.constants(data) if training else {}
    if len(data) == 0:
        raise ValueError(f"{name} is empty: give it at least one example.")
    sums: Tree = None
    targets: list[Columns] = []
    for first, columns in _chunks(data, workers):
        where = f"{name}, in its rows {first} to {first + _CHUNK - 1},"
        check_columns(where, columns, missing=task.missing)
        _refuse(where, task.judge.check(columns, training=False))
        if fingerprint is not None:
            fingerprint.add(columns)
        if not training:
            continue
        targets.append({key: x for key, x in columns.items() if _is_small(x, len(data))})
        if task.counts is not None:
            own = task.counts.sums(columns)
            sums = own if sums is None else fitted.added(sums, own)
    # What holds for the split as a whole, such as that every class occurs, is asked of the targets
    # alone, unless they are too large to be kept: the images themselves are not.
    if training and task.judge.check(targets[0], training=False) is None:
        joined = {key: np.concatenate([part[key] for part in targets]) for key in targets[0]}
        _refuse(name, task.judge.check(joined, training=True))
    return {} if sums is None or task.counts is None else task.counts.constants(sums)


def check_columns(name: str, columns: Columns, *, missing: frozenset[str] = frozenset()) -> None:
    """Refuse an empty split, columns of unequal length and numbers that are not finite.

    Args:
        name: what the caller calls the split, such as "train".
        columns: arrays by key with one leading axis.
        missing: columns in which NaN means "missing" and is handled.
    """
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} has columns of unequal length, {lengths}: one row per example.")
    if not any(lengths.values()):
        raise ValueError(f"{name} is empty: give it at least one example.")
    for key, column in columns.items():
        if not np.issubdtype(column.dtype, np.floating):
            continue
        sound = ~np.isinf(column) if key in missing else np.isfinite(column)
        bad = np.flatnonzero(~sound.reshape(len(column), -1).all(1))
        if bad.size:
            raise ValueError(
                f"{name} holds NaN or infinity in `{key}`, {bad.size} rows, the first is row "
                f"{bad[0]}: leave those rows out, or fill missing values, for instance with "
                "`inputs.features(fill='mean')`."
            )


def _refuse(name: str, problem: str | None) -> None:
    if problem is not None:
        raise ValueError(f"{name} {problem}.")


def _chunks(data: Source, workers: int) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Row number of the first, and the columns, of so many examples at a time."""
    lines = batches.ordered_rows(len(data), min(_CHUNK, len(data)))
    for rows, batch in zip(lines, batches.read(data, lines, workers=workers), strict=True):
        columns: dict[str, Any] = {
            key: np.asarray(column)[rows >= 0]
            for key, column in batch.items()
            if key not in ("mask", "place")
        }
        yield int(rows[0]), columns


def _is_small(column: np.ndarray, rows: int) -> bool:
    """Whether the column of all rows can be kept."""
    return column.dtype.kind in "biuf" and column[0].nbytes * rows <= _KEPT_BYTES
