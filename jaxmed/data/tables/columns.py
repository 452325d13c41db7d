"""How one column of text becomes numbers, and back to words that JSON can hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import normalized
from jaxmed.data.readers.csv_file import parse_numbers

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("number", "category", "date")
NO_CATEGORY = ("", "na", "n/a", "#n/a", "nan", "null", "<na>", "?")
"""Cells that are missing in a column of words; "none" is a word."""
_FORMATS = {
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}": "ISO8601",
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d+)?": "ISO8601",
    r"\d{4}/\d{2}/\d{2}": "%Y/%m/%d",
    r"\d{1,2}\.\d{1,2}\.\d{4}": "%d.%m.%Y",
}
"""Dates that can be read in one way only, and how pandas reads them."""


@dataclasses.dataclass(frozen=True)
class Column:
    """How a column is read.

    Attributes:
        name: in the header.
        kind: "number", "category" or "date".
        categories: words of a category, numbered from 1; all others are 0, gaps are NaN.
        cuts: of a number or date, quantiles of the training rows, increasing; the first and the
            last are the smallest and the largest value.
        since: of a date, the column of dates to which it is the interval in days, or a date from
            which on days are counted.
        missing: cells that were missing in the training rows.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()
    since: str = ""
    missing: int = 0

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        checks.known("kind", self.kind, KINDS)
        object.__setattr__(self, "categories", checks.strings("categories", self.categories))
        cuts = tuple(checks.sequence("cuts", self.cuts, "numbers"))
        for cut in cuts:
            checks.finite("cuts", cut)
        object.__setattr__(self, "cuts", tuple(map(float, cuts)))
        rising = all(a < b for a, b in zip(self.cuts, self.cuts[1:], strict=False))
        if self.kind != "category" and (len(self.cuts) < 2 or not rising):
            raise ValueError(
                f"cuts is {checks.shown(self.cuts)}, but must be two increasing numbers or more."
            )
        if self.kind == "category" and not self.categories:
            raise ValueError("categories is empty, but must hold one word or more.")
        if not isinstance(self.since, str) or (self.kind == "date" and not self.since):
            raise ValueError(f"since is {checks.shown(self.since)}, but must name a column or day.")
        object.__setattr__(self, "missing", checks.whole("missing", self.missing, least=0))

    def words(self) -> dict[str, Any]:
        """The fields that are not empty, as JSON has them."""
        found = {**dataclasses.asdict(self)}
        found |= {"categories": list(self.categories), "cuts": list(self.cuts)}
        return {name: value for name, value in found.items() if value}


def column_of_words(words: Any) -> Column:
    """The column that `Column.words` wrote.

    Raises:
        ValueError: It is another thing.
    """
    fields = {field.name for field in dataclasses.fields(Column)}
    if not isinstance(words, Mapping) or not {"name", "kind"} <= {*words} <= fields:
        raise ValueError(f"columns holds {checks.shortened(words)}, which is no column.")
    return Column(**words)


def numbers_of(cells: pd.Series[Any]) -> np.ndarray:
    """Numbers [rows] float64, NaN where a cell is missing; any other word is refused."""
    numbers = parse_numbers(
        cells.where(cells.str.strip() != "?", ""),
        allow_missing=True,
        words="leave the cell empty where the value is not known",
    )
    return np.asarray(numbers)


def categories_of(cells: pd.Series[Any]) -> np.ndarray:
    """Words [rows] with single blanks, "" where a cell is missing."""
    known = {cell: normalized(cell) for cell in cells.unique()}
    known = {cell: "" if word.lower() in NO_CATEGORY else word for cell, word in known.items()}
    return cells.map(known).to_numpy(str)


def codes_of(cells: pd.Series[Any], categories: Sequence[str]) -> np.ndarray:
    """Numbers of words [rows] float64 from 1; 0 for another word, NaN where a cell is missing."""
    number = {"": math.nan, **{word: place for place, word in enumerate(categories, 1)}}
    words, inverse = np.unique(categories_of(cells), return_inverse=True)
    return np.array([number.get(word, 0.0) for word in words.tolist()])[inverse]


def date_format(cells: pd.Series[Any]) -> str | None:
    """How all cells that are not missing are read as dates, or None."""
    import re

    there = [cell for cell in np.unique(categories_of(cells)).tolist() if cell]
    for pattern, form in _FORMATS.items():
        if there and all(re.fullmatch(pattern, cell) for cell in there):
            return form
    return None


def days_of(cells: pd.Series[Any]) -> np.ndarray:
    """Days since 1970-01-01 [rows] float64, with parts of a day; NaN where a cell is missing.

    Raises:
        ValueError: A cell is no date, with the column and the row.
    """
    import pandas as pd

    words = pd.Series(categories_of(cells)).replace("", None)
    days = np.full(len(words), np.nan)
    form = date_format(cells)
    if form is not None:
        dates = pd.to_datetime(words, format=form, errors="coerce")
        days[dates.notna()] = (
            (dates[dates.notna()] - pd.Timestamp(0)) / pd.Timedelta(days=1)
        ).to_numpy(float)
    wrong = np.flatnonzero(words.notna().to_numpy(bool) & np.isnan(days))
    if wrong.size:
        raise ValueError(
            f"column {cells.name!r} holds {checks.shortened(words.iloc[wrong[0]])} in "
            f"{contract.list_rows(wrong)}, which is not a date as in the other rows: write all as "
            "2026-01-31."
        )
    return days


def is_number(word: str) -> bool:
    """Whether a cell is read as a finite number with a decimal point."""
    try:
        return math.isfinite(float(word)) and "_" not in word
    except ValueError:
        return False
