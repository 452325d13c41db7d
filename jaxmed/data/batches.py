"""Batches by row number: shuffled, padded and masked, from data on the device or on the host.

An epoch is an array of row numbers [steps, batch] in which every row of the split stands exactly
once (`balanced` repeats what is rare) and -1 fills up the last batch. `take` turns one line of it
into a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import jax
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import first_row
from jaxmed.data import stream
from jaxmed.data.source import Arrays, Source
from jaxmed.typing import AnyArray, Batch, Columns, Int, Key

PADDING = -1
MOST_ROWS = 2**24
"""The largest batch that is believed."""

Order: TypeAlias = Callable[[Key, int, int, int], np.ndarray]
"""`(key, epoch, rows, batch_size) -> rows [steps, batch]`, such as `shuffled_rows`.

An epoch has ceil(rows / batch_size) steps, where the order has no function `steps_per_epoch`.
"""


def steps_per_epoch(order: Order, rows: int, batch_size: int) -> int:
    """Steps in an epoch: as the order says, or as many as go through all rows once.

    Args:
        order: may have a function `steps_per_epoch(rows, batch_size)`, such as one that samples.
        rows: of the split.
        batch_size: rows per step.
    """
    own = getattr(order, "steps_per_epoch", None)
    return -(-rows // batch_size) if own is None else own(rows, batch_size)


def shuffled_rows(
    key: Key, epoch: int, rows: int, batch_size: int
) -> Int[np.ndarray, "steps batch"]:
    """The rows of one epoch in random order, a function of (key, epoch) alone.

    NumPy shuffles on the host, because XLA's permutation sorts: 60,000 rows took 23 ms on two
    CPU cores, a twentieth of an epoch of the MLP, for 1 ms here.

    Args:
        key: the root of the order.
        epoch: from 0.
        rows: of the split, at least 1.
        batch_size: rows per step.

    Returns:
        [ceil(rows / batch_size), batch_size] int32, padded with -1.
    """
    return _padded(_generator(key, epoch).permutation(rows), batch_size)


def by_length(lengths: Int[np.ndarray, " rows"], *, pool: int = 50) -> Order:
    """An order in which a batch holds rows of nearly one length (for `transforms.crop_to_longest`).

    Rows are shuffled, sorted by length within every `pool` batches, and the batches shuffled:
    like `shuffled_rows` a function of (key, epoch) alone, with every row once.

    Args:
        lengths: of each row of the split, such as its number of tokens.
        pool: batches that are sorted together; 1 sorts nothing, many leave less to chance.
    """
    lengths = _of_rows("lengths", lengths)
    pool = checks.whole("pool", pool)

    def order(key: Key, epoch: int, rows: int, batch_size: int) -> Int[np.ndarray, "steps batch"]:
        if rows != len(lengths):
            raise ValueError(f"lengths has {len(lengths)} rows, but the split has {rows}.")
        generator = _generator(key, epoch)
        chosen, size = generator.permutation(rows), pool * batch_size
        pools = [chosen[start : start + size] for start in range(0, rows, size)]
        ordered = [rows[np.argsort(lengths[rows], kind="stable")] for rows in pools]
        return generator.permutation(_padded(np.concatenate(ordered), batch_size))

    return order


def balanced(labels: Int[np.ndarray, " rows"], *, power: float = 0.0) -> Order:
    """An order in which rare classes stand more often: class k a share n_k^power / sum_j n_j^power.

    An epoch is as long as the split. The rows of a class take turns, in random order: in an epoch
    one stands at most once more than another, and rows of a frequent class are left out. A
    function of (key, epoch) alone.

    Args:
        labels: the class of each row of the split, from 0.
        power: in [0, 1]; 0 makes all classes that occur equally frequent, 1/2 goes half of the way,
            1 takes every row once, like `shuffled_rows`.

    References:
        Kang et al., Decoupling Representation and Classifier for Long-Tailed Recognition, 2020,
        section 3, equation 1.
    """
    checks.fraction("power", power)
    labels = _of_rows("labels", labels)
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    sizes = np.array([len(each) for each in members])
    wanted = len(labels) * sizes**power / (sizes**power).sum()
    draws = np.floor(wanted).astype(int)
    # What rounding down leaves over goes where most was cut off.
    draws[np.argsort(draws - wanted, kind="stable")[: len(labels) - draws.sum()]] += 1

    def order(key: Key, epoch: int, rows: int, batch_size: int) -> Int[np.ndarray, "steps batch"]:
        if rows != len(labels):
            raise ValueError(f"labels has {len(labels)} rows, but the split has {rows}.")
        generator = _generator(key, epoch)
        drawn = []
        for each, count in zip(members, draws, strict=True):
            turns = np.tile(each, (-(-count // len(each)), 1))
            drawn.append(generator.permuted(turns, axis=1).ravel()[:count])
        return _padded(generator.permutation(np.concatenate(drawn)), batch_size)

    return order


def _of_rows(name: str, value: np.ndarray) -> np.ndarray:
    """One number for each row of a split, which has at least one."""
    found = checks.real_array(name, value, "rows")
    if not len(found):
        raise ValueError(f"{name} is empty, but must have one number per row of the split.")
    return found


def _generator(key: Key, epoch: int) -> np.random.Generator:
    return np.random.default_rng([*np.asarray(jax.random.key_data(key)).ravel(), epoch])


def ordered_rows(rows: int, batch_size: int) -> Int[np.ndarray, "steps batch"]:
    """The rows of a split in their own order, padded as in `shuffled_rows`."""
    return _padded(np.arange(rows), batch_size)


def _padded(order: np.ndarray, batch_size: int) -> np.ndarray:
    batch_size = checks.whole("batch_size", batch_size, most=MOST_ROWS)
    missing = -len(order) % batch_size
    padded = np.pad(order.astype(np.int32), (0, missing), constant_values=PADDING)
    return padded.reshape(-1, batch_size)


def take(data: Batch, rows: Int[AnyArray, " batch"]) -> Batch:
    """The batch of the named rows, with its `mask` and `place`; row 0 stands in for padding.

    Args:
        data: arrays with one leading axis, on the device or on the host.
        rows: [batch] row numbers, -1 for padding.
    """
    found = {name: column[rows.clip(0)] for name, column in data.items()}
    mask = (rows >= 0).astype(np.float32)
    place: AnyArray = np.arange(len(rows), dtype=np.int32)
    if not isinstance(rows, np.ndarray):  # traced, perhaps on one device of many
        place = first_row(len(rows)) + place
    return {**found, "mask": mask, "place": place}


def opened(data: Columns | Source, name: str = "data") -> Columns | Source:
    """The columns of what is in memory, lists as arrays; another source as it is.

    Args:
        data: what a caller passed.
        name: of the argument, for messages.

    Raises:
        ValueError: if it is neither columns with one row per example nor a source.
    """
    if isinstance(data, Arrays):
        return data.columns
    if isinstance(data, Mapping):
        checks.named_columns(name, data)
        if all(hasattr(column, "dtype") for column in data.values()):
            return data
        return {
            key: column if hasattr(column, "dtype") else np.asarray(column)
            for key, column in data.items()
        }
    no_source = isinstance(data, type | str | bytes | list | tuple | range) or hasattr(
        data, "shape"
    )
    if no_source or not isinstance(data, Source):
        raise ValueError(
            f"{name} is {checks.shown(data)}, but must be columns or a source: pass a dict of "
            "arrays, or what data.load or data.from_csv gives."
        )
    return data


def count_of(data: Columns | Source) -> int:
    """How many examples there are."""
    if not isinstance(data, Mapping):
        return len(data)
    return len(next(iter(data.values()))) if data else 0


def read(data: Columns | Source, rows: AnyArray, *, workers: int = 0) -> Iterator[Batch]:
    """One batch per line of `rows` [steps, batch], from columns or from a source.

    Args:
        data: columns, or a source, of which the batches are read ahead.
        rows: row numbers, -1 for padding.
        workers: as for `stream.stream`; columns need none.
    """
    lines = np.asarray(rows)
    if isinstance(data, Mapping):
        yield from (take(data, line) for line in lines)
        return
    for batch in stream.stream(data, lines, workers=workers):
        yield {**batch, "place": np.arange(lines.shape[1], dtype=np.int32)}


def numeric(columns: Columns) -> dict[str, np.ndarray]:
    """The columns that a device can hold: not `group`, nor texts and other words."""
    return {
        name: column
        for name, column in columns.items()
        if name != "group" and np.asarray(column).dtype.kind in "biuf"
    }


def nbytes(data: Columns) -> int:
    """Bytes that the columns of a split occupy."""
    return sum(np.asarray(column).nbytes for column in data.values())
