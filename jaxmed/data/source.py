"""A source of examples: anything with a length whose items are flat mappings of arrays.

tfds data sources use the same protocol, so they work with jaxmed. Every example of ours has the
reserved keys and dtypes of `jaxmed.typing` and an `id`: its row in the source that was opened
first, which a subset keeps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import group_numbers

_CHUNK = 1024  # examples read at once


@runtime_checkable
class Source(Protocol):
    """Random access to examples.

    A source may also have these attributes:

    - `classes`: class names in the order of their labels.
    - `feature_names`: names of the columns of `features`, in their order, which an exported model
      keeps.
    - `annotations`: the columns (`label`, `group`) that are known without reading any example.
    - `threaded`: True where reading mostly releases Python's lock, as decoders written in C do.
      Threads then read it ahead faster than processes.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]: ...


@dataclasses.dataclass(frozen=True)
class Arrays:
    """A source whose columns are in memory.

    Attributes:
        columns: arrays with one row per example.
        classes: class names in the order of their labels; empty where labels are measured.
        feature_names: names of the columns of `features`; empty where they are not known.
    """

    columns: Mapping[str, np.ndarray]
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        return {key: np.asarray(column[index]) for key, column in self.columns.items()}


@dataclasses.dataclass(frozen=True)
class Subset:
    """Some rows of another source, read when they are needed."""

    source: Source
    rows: np.ndarray
    classes: tuple[str, ...] = ()

    @property
    def threaded(self) -> bool:
        """As for its source."""
        return getattr(self.source, "threaded", False)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of its source."""
        return feature_names_of(self.source)

    @property
    def annotations(self) -> Mapping[str, np.ndarray]:
        """Those of its source, of these rows."""
        return take_rows(getattr(self.source, "annotations", {}), self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        row = int(self.rows[index])
        return with_id(self.source[row], row)

    def __getitems__(self, indices: Sequence[int]) -> list[Mapping[str, np.ndarray]]:
        rows = [int(self.rows[index]) for index in indices]
        return [
            with_id(example, row)
            for row, example in zip(rows, read_examples(self.source, rows), strict=True)
        ]


def from_arrays(
    columns: Mapping[str, np.ndarray],
    *,
    classes: Sequence[str] = (),
    feature_names: Sequence[str] = (),
    allow_missing: bool = False,
) -> Arrays:
    """A source of arrays in memory.

    Args:
        columns: by key, arrays with one row per example. `image` is uint8, or float32 where it
            holds measurements. `label` holds classes (whole numbers from 0; [rows], or
            [rows, labels] of 0 and 1) or measurements (floats), or classes of pixels
            ([rows, height, width] or [rows, depth, height, width], -1 where nothing is labelled).
            `group` may hold any names of patients or studies; they are replaced by numbers.
        classes: class names in the order of their labels.
        feature_names: names of the columns of `features`, all different.
        allow_missing: accept NaN in `features` and `signal` as missing values, for inputs that
            handle them, such as `inputs.features(fill="mean")`.

    Returns:
        The source, with an `id` (the row) where `columns` has none.

    Raises:
        ValueError: Columns of unequal length or no rows, NaN or infinity in measurements, labels
            outside the classes, images that are neither uint8 nor float32.

    Example:
        >>> source = from_arrays({"features": np.ones((3, 2)), "label": np.array([0, 1, 1])})
        >>> len(source), source[2]["label"].item(), source[2]["id"].item()
        (3, 1, 2)
    """
    contract.check_class_names(classes)
    classes = checks.strings("classes", classes)
    checks.flag("allow_missing", allow_missing)
    if not isinstance(columns, Mapping) or not columns:
        raise ValueError(
            f"columns is {checks.shown(columns)}, but must map names to arrays: pass a dict."
        )
    arrays = {key: np.asarray(column) for key, column in columns.items()}
    for key, array in arrays.items():
        if not array.ndim:
            raise ValueError(f"columns has {array} as {key!r}, but must have one row per example.")
    valid = _conformed(arrays, classes, allow_missing=allow_missing)
    valid.setdefault("id", np.arange(len(next(iter(valid.values()))), dtype=np.int32))
    _check_feature_names(feature_names, valid)
    return Arrays(valid, tuple(classes), tuple(feature_names))


def subset(source: Source, rows: np.ndarray) -> Source:
    """The source of the given rows of `source`, in that order; every example keeps its `id`.

    Args:
        source: any source.
        rows: [any length], row numbers, as `stratified_split` returns them.

    Raises:
        ValueError: `rows` is not an axis of row numbers, or names a row that does not exist.
    """
    check_source("source", source)
    rows = checks.real_array("rows", rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"rows has shape {rows.shape} and dtype {rows.dtype}, but must be one axis of one or "
            "more row numbers: for a mask, pass np.flatnonzero(mask)."
        )
    if rows.min() < 0 or rows.max() >= len(source):
        raise ValueError(
            f"rows reach from {rows.min()} to {rows.max()}, but the source has rows 0 to "
            f"{len(source) - 1}."
        )
    if isinstance(source, Arrays):
        return dataclasses.replace(source, columns=take_rows(source.columns, rows))
    return Subset(source, rows, classes_of(source))


def columns(source: Source, *, allow_missing: bool = False) -> dict[str, np.ndarray]:
    """All examples of a source in memory; those of an `Arrays` as they are, without a copy.

    Args:
        source: of examples of equal shapes.
        allow_missing: accept NaN in `features` and `signal` as missing values.

    Returns:
        By key, arrays [rows, ...]: `image` uint8 (float32 where measured), `features` float32,
        `label` int32 (float32 to regress, int8 of pixels), `id` and `group` int32. The `id` is the
        row where examples have none.

    Raises:
        ValueError: The split is empty, shapes are unequal, measurements are NaN or infinite, or
            labels are outside the classes.
    """
    check_source("source", source)
    checks.flag("allow_missing", allow_missing)
    if isinstance(source, Arrays):
        return dict(source.columns)
    rows = len(source)
    filled: dict[str, np.ndarray] = {}
    for start in range(0, rows, _CHUNK):
        chunk = range(start, min(start + _CHUNK, rows))
        for row, example in zip(chunk, read_examples(source, chunk), strict=True):
            _fill(filled, with_id(example, row), row, rows)
    return _conformed(filled, classes_of(source), allow_missing=allow_missing)


def take_rows(columns: Mapping[str, np.ndarray], rows: np.ndarray | slice) -> dict[str, np.ndarray]:
    """The same columns with only the given rows.

    Args:
        columns: arrays with one row per example.
        rows: row numbers, a mask [rows], or a slice.

    Example:
        >>> take_rows({"label": np.array([5, 6, 7])}, np.array([2, 0]))
        {'label': array([7, 5])}
    """
    return {key: column[rows] for key, column in columns.items()}


def batch_of(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The batch of the given rows, read on the host; like `batches.take`.

    Args:
        source: of examples of equal shapes.
        rows: [batch] row numbers, -1 for padding, which is filled with row 0.

    Returns:
        The examples' keys, `id` (the row where examples have none) and `mask`.
    """
    examples = list(read_examples(source, [int(row) for row in rows.clip(0)]))
    stacked = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
    stacked.setdefault("id", rows.clip(0).astype(np.int32))
    return {**stacked, "mask": (rows >= 0).astype(np.float32)}


def read_examples(source: Source, rows: Sequence[int]) -> Iterable[Mapping[str, np.ndarray]]:
    """Those rows in one call where the source can (tfds reads them together), else one by one."""
    together = getattr(source, "__getitems__", None)
    return together(list(rows)) if together else (source[row] for row in rows)


def with_id(example: Mapping[str, Any], row: int) -> dict[str, np.ndarray]:
    """The example's arrays, with its row as `id` unless it has an integer `id` of its own."""
    arrays = {key: np.asarray(value) for key, value in example.items()}
    if "id" in arrays and arrays["id"].dtype.kind not in "iu":
        arrays["name"] = arrays.pop("id")  # a publisher's identifier in words
    arrays.setdefault("id", np.asarray(row, np.int32))
    return arrays


def check_source(name: str, value: Any) -> None:
    """Refuse what is no source: also lists, strings and arrays, which have a length and items."""
    no_source = isinstance(value, type | str | bytes | list | tuple | range | Mapping)
    if no_source or hasattr(value, "shape") or not isinstance(value, Source):
        raise ValueError(
            f"{name} is {checks.shown(value)}, but must be a source: make one with from_arrays."
        )


def classes_of(source: Source) -> tuple[str, ...]:
    """Class names in the order of their labels, where the source knows them."""
    return tuple(getattr(source, "classes", ()))


def feature_names_of(source: Source) -> tuple[str, ...]:
    """Names of the columns of `features`, where the source knows them."""
    return tuple(getattr(source, "feature_names", ()))


def _check_feature_names(names: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
    if not isinstance(names, str):
        checks.sequence("feature_names", names, "names")
        names = [str(name) for name in names]
    width = columns["features"].shape[-1] if "features" in columns else 0
    if isinstance(names, str) or (names and len(set(names)) != width) or len(names) > width:
        raise ValueError(
            f"feature_names is {names if isinstance(names, str) else tuple(names)!r}, but must "
            f"hold a different name for each of the {width} columns of features."
        )


def _conformed(
    columns: Mapping[str, np.ndarray], classes: Sequence[str], *, allow_missing: bool
) -> dict[str, np.ndarray]:
    """The columns in the dtypes of the contract, or a ValueError."""
    named = {
        key: group_numbers(column) if key == "group" else column for key, column in columns.items()
    }
    conformed = {key: contract.conform(key, column) for key, column in named.items()}
    contract.check(conformed, classes, allow_missing=allow_missing)
    return conformed


def _fill(
    filled: dict[str, np.ndarray], example: Mapping[str, np.ndarray], row: int, rows: int
) -> None:
    """Write one example into the columns; the first example allocates them."""
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
