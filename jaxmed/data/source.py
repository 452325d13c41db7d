"""A source of examples: anything with a length whose items are flat mappings of arrays.

This is the protocol that tfds data sources and grain share, so a source of ours feeds both, and
theirs feed us. Every example of ours has the reserved keys and dtypes of `jaxmed.typing` and an
`id`, its row in the source that was opened first, however often it is taken apart since.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxmed.data import contract

_CHUNK = 1024  # examples read at once


@runtime_checkable
class Source(Protocol):
    """Random access to examples.

    One that also has `threaded = True` says that reading lets go of Python's lock most of the time,
    as decoders written in C do: threads then read it ahead faster than processes.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]: ...


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A source whose columns are in memory.

    Attributes:
        columns: Arrays with one row an example.
        classes: Class names in the order of their label; empty where labels are measured.
    """

    columns: Mapping[str, np.ndarray]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        return {key: np.asarray(column[index]) for key, column in self.columns.items()}


@dataclasses.dataclass(frozen=True)
class Subset:
    """Some rows of another source, which is read only when they are."""

    source: Source
    rows: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def threaded(self) -> bool:
        """As its source."""
        return getattr(self.source, "threaded", False)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        row = int(self.rows[index])
        return with_id(self.source[row], row)

    def __getitems__(self, indices: Sequence[int]) -> list[Mapping[str, np.ndarray]]:
        rows = [int(self.rows[index]) for index in indices]
        return [
            with_id(example, row)
            for row, example in zip(rows, _read(self.source, rows), strict=True)
        ]


def from_arrays(columns: Mapping[str, np.ndarray], *, classes: Sequence[str] = ()) -> Arrays:
    """A source of arrays in memory.

    Args:
        columns: By key, arrays with one row an example. `image` is uint8, or float32 where it
          holds measurements; `label` holds classes (whole numbers from 0; [rows], or
          [rows, labels] of 0 and 1) or measurements (floats); `group` may hold any names of
          patients or studies, which are numbered.
        classes: Class names in the order of their label.

    Returns:
        The source, with an `id` (the row) where `columns` has none.

    Raises:
        ValueError: Rows of unequal number or none, NaN or infinity in measurements, labels outside
          the classes, images that are neither uint8 nor float32.

    Example:
        >>> source = from_arrays({"features": np.ones((3, 2)), "label": np.array([0, 1, 1])})
        >>> len(source), source[2]["label"].item(), source[2]["id"].item()
        (3, 1, 2)
    """
    conformed = _sound({key: np.asarray(column) for key, column in columns.items()}, classes)
    conformed.setdefault("id", np.arange(len(next(iter(conformed.values()))), dtype=np.int32))
    return Arrays(conformed, tuple(classes))


def subset(source: Source, rows: np.ndarray) -> Source:
    """The source of those rows of `source`, in that order; their `id` stays.

    Args:
        source: What to take from.
        rows: [any number], row numbers, as `stratified_split` gives them.
    """
    rows = np.asarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"rows has shape {rows.shape} and dtype {rows.dtype}, but must be one axis of one or "
            "more row numbers: of a mask, pass np.flatnonzero(mask)."
        )
    if rows.min() < 0 or rows.max() >= len(source):
        raise ValueError(
            f"rows reach from {rows.min()} to {rows.max()}, but the source has rows 0 to "
            f"{len(source) - 1}."
        )
    if isinstance(source, Arrays):
        return Arrays({key: column[rows] for key, column in source.columns.items()}, source.classes)
    return Subset(source, rows, classes_of(source))


def batch_of(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The batch of the named rows, read on the host; like `batches.take`.

    Args:
        source: Of examples of equal shapes.
        rows: [batch] row numbers, -1 for padding, for which row 0 stands in.

    Returns:
        The examples' keys, `id` (the row where examples bring none) and `mask`.
    """
    examples = list(_read(source, [int(row) for row in rows.clip(0)]))
    stacked = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    stacked.setdefault("id", rows.clip(0).astype(np.int32))
    return {**stacked, "mask": (rows >= 0).astype(np.float32)}


def columns(source: Source) -> dict[str, np.ndarray]:
    """Read a whole split into memory.

    Args:
        source: Of examples of equal shapes.

    Returns:
        By key, arrays [rows, ...]: `image` uint8 (float32 where measured), `features` float32,
        `label` int32 (float32 to regress), `id` and `group` int32. The `id` is the row where
        examples bring none.

    Raises:
        ValueError: The split is empty, the shapes are unequal, measurements are NaN or infinite, or
          labels are outside the classes.
    """
    if isinstance(source, Arrays):
        return dict(source.columns)
    rows = len(source)
    filled: dict[str, np.ndarray] = {}
    for start in range(0, rows, _CHUNK):
        chunk = range(start, min(start + _CHUNK, rows))
        for row, example in zip(chunk, _read(source, chunk), strict=True):
            _fill(filled, with_id(example, row), row, rows)
    return _sound(filled, classes_of(source))


def _sound(columns: Mapping[str, np.ndarray], classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns as the contract wants them, or a refusal."""
    named = {key: numbered(column) if key == "group" else column for key, column in columns.items()}
    conformed = {key: contract.conform(key, column) for key, column in named.items()}
    contract.check(conformed, classes)
    return conformed


def _fill(
    filled: dict[str, np.ndarray], example: Mapping[str, np.ndarray], row: int, rows: int
) -> None:
    """Write one example into the columns, which the first one lays out."""
    if not filled:
        for key, value in example.items():
            text = value.dtype.kind in "SUO"
            filled[key] = np.zeros((rows, *value.shape), object if text else value.dtype)
    if example.keys() != filled.keys():
        raise ValueError(
            f"row {row} has the keys {', '.join(sorted(example))}, but row 0 has "
            f"{', '.join(sorted(filled))}: give every example the same."
        )
    for key, value in example.items():
        column = filled[key]
        if value.shape != column.shape[1:] or not np.can_cast(value.dtype, column.dtype):
            raise ValueError(
                f"{key} is {value.dtype} of shape {value.shape} in row {row}, but {column.dtype} "
                f"of shape {column.shape[1:]} in row 0: bring all examples to one shape and type."
            )
        column[row] = value if value.ndim else value.item()


def _read(source: Source, rows: Sequence[int]) -> Iterable[Mapping[str, np.ndarray]]:
    """Those rows in one call where the source can (tfds reads them together), else one by one."""
    together = getattr(source, "__getitems__", None)
    return together(list(rows)) if together else (source[row] for row in rows)


def with_id(example: Mapping[str, Any], row: int) -> dict[str, np.ndarray]:
    """The example's arrays, with its row as `id` unless it has a number of its own."""
    arrays = {key: np.asarray(value) for key, value in example.items()}
    if "id" in arrays and arrays["id"].dtype.kind not in "iu":
        arrays["name"] = arrays.pop("id")  # a publisher's identifier in words
    arrays.setdefault("id", np.asarray(row, np.int32))
    return arrays


def numbered(group: np.ndarray) -> np.ndarray:
    """Names of patients or studies as int32 numbers, in the order of the sorted names."""
    if group.dtype.kind == "i" and group.size and -(2**31) <= group.min() <= group.max() < 2**31:
        return group.astype(np.int32)
    return (
        np.unique(group.astype(str), return_inverse=True)[1].reshape(group.shape).astype(np.int32)
    )


def classes_of(source: Source) -> tuple[str, ...]:
    """Class names in the order of their label, where the source knows them."""
    return tuple(getattr(source, "classes", ()))
