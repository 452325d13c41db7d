"""How a table is read: which columns, in which order, as which numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.groups import normalized
from jaxmed.data.source import Arrays, from_arrays
from jaxmed.data.tables.columns import (
    Column,
    codes_of,
    column_of_words,
    days_of,
    numbers_of,
)
from jaxmed.data.tables.raw import RawTable

_SHOWN = 8  # names in a message


@dataclasses.dataclass(frozen=True)
class Schema:
    """The columns that a model reads. `schema_of` counts one from training rows.

    Attributes:
        columns: in the order of the features.
    """

    columns: Sequence[Column]

    def __post_init__(self) -> None:
        columns = checks.sequence("columns", self.columns, "columns")
        if not columns:
            raise ValueError("columns is empty, but must hold one Column or more.")
        for number, column in enumerate(columns):
            checks.made_by(f"columns[{number}]", column, Column, "a Column")
        checks.strings("columns", [column.name for column in columns])
        object.__setattr__(self, "columns", columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in the order of the features."""
        return tuple(column.name for column in self.columns)

    @property
    def needed(self) -> tuple[str, ...]:
        """Names of all columns that a table must have, also of dates that others count from."""
        since = [column.since for column in self.columns if not _is_day(column.since)]
        return tuple(dict.fromkeys([*self.names, *filter(None, since)]))

    def encode(self, raw: RawTable) -> np.ndarray:
        """The table as numbers, its columns by name, wherever they stand; others are not looked at.

        A number stays as it is, a category is its number from 1, an unknown one is 0, a date is an
        interval in days, and what is missing is NaN.

        Args:
            raw: as `read_table` reads it.

        Returns:
            [rows, columns] float32.

        Raises:
            ValueError: A column is missing, or a cell is no number or date where all of training
                were.
        """
        checks.made_by("raw", raw, RawTable, "what read_table gives")
        missing = [name for name in self.needed if normalized(name) not in raw.cells]
        if missing:
            some = ", ".join(map(repr, missing[:_SHOWN]))
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise ValueError(
                f"{raw.path} lacks {some}{more}, which the model reads: add the columns, with "
                "empty cells where values are not known."
            )
        return np.stack([_encoded(column, raw) for column in self.columns], 1).astype(np.float32)

    def source(
        self, raw: RawTable, *, classes: Sequence[str] = (), **columns: np.ndarray
    ) -> Arrays:
        """A source of the encoded rows, whose `id` is the row of the file, counted from 1.

        Args:
            raw: all rows of a file, or those that `RawTable.take` gives.
            classes: names of the classes in the order of their labels.
            columns: further ones [rows], such as `label` and `group`.
        """
        id_ = raw.cells.index.to_numpy(np.int32) + 1
        return from_arrays(
            {"features": self.encode(raw), **columns, "id": id_},
            classes=classes,
            feature_names=self.names,
            allow_missing=True,
        )

    def outside(self, features: np.ndarray) -> list[str]:
        """A sentence for each column with values outside of the training range or unknown words.

        A wrong unit moves all values: what lies outside in most rows comes first.

        Args:
            features: as `encode` gives them, [rows, columns].
        """
        features = checks.real_array("features", features, "rows columns")
        if features.shape[1] != len(self.columns):
            raise ValueError(
                f"features has {features.shape[1]} columns, but the schema has "
                f"{len(self.columns)}: pass what encode gives."
            )
        found: list[tuple[int, str]] = []
        for column, values in zip(self.columns, features.T, strict=True):
            there = values[~np.isnan(values)]
            if column.kind == "category":
                count = int((there == 0).sum())
                how = "words that training rows do not have"
            else:
                low, high = np.float32(column.cuts[0]), np.float32(column.cuts[-1])
                count = int(((there < low) | (there > high)).sum())
                how = f"values outside of those of training, {low:g} to {high:g}: check the unit"
            if count:
                of = f"{count:,} of {len(values):,} rows"
                found.append((count, f"column {column.name!r} has in {of} {how}."))
        return [sentence for _, sentence in sorted(found, key=lambda each: -each[0])]

    def words(self) -> list[dict[str, Any]]:
        """The columns as JSON has them."""
        return [column.words() for column in self.columns]


def schema_of_words(words: Sequence[Mapping[str, Any]]) -> Schema:
    """The schema that `Schema.words` wrote.

    Raises:
        ValueError: It is another thing.
    """
    return Schema(tuple(map(column_of_words, checks.sequence("columns", words, "columns"))))


def _encoded(column: Column, raw: RawTable) -> np.ndarray:
    cells = raw.column(column.name)
    if column.kind == "number":
        return numbers_of(cells)
    if column.kind == "category":
        return codes_of(cells, column.categories)
    if _is_day(column.since):
        return days_of(cells) - np.datetime64(column.since, "D").astype(float)
    return days_of(raw.column(column.since)) - days_of(cells)


def _is_day(since: str) -> bool:
    """Whether days are counted from a fixed day; no header is read as one."""
    return len(since) == 10 and since[4] == since[7] == "-" and since.replace("-", "").isdecimal()
