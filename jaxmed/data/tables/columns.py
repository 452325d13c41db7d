"""How one column of text becomes numbers, and back to words that JSON can hold."""

from __future__ import annotations

import dataclasses
import math
import re
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
    categories: Sequence[str] = ()
    cuts: Sequence[float] = ()
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


def are_dates(cells: pd.Series[Any]) -> bool:
    """Whether all cells that are not missing are dates, written in one way."""
    there = [cell for cell in np.unique(categories_of(cells)).tolist() if cell]
    return bool(there) and all(re.fullmatch(_pattern(there), cell) for cell in there)


def days_of(cells: pd.Series[Any]) -> np.ndarray:
    """Days since 1970-01-01 [rows] float64, with parts of a day; NaN where a cell is missing.

    Raises:
        ValueError: A cell is no date, or none as the others, with the column and the row.
    """
    import pandas as pd

    words, row_of = np.unique(categories_of(cells), return_inverse=True)
    there = [word for word in words.tolist() if word]
    days = np.full(len(words), np.nan)
    if there:
        pattern = _pattern(there)
        dates = pd.Series([word if re.fullmatch(pattern, word) else None for word in words])
        found = pd.to_datetime(dates, format=_FORMATS[pattern], errors="coerce")
        known = found.notna()
        days[known] = ((found[known] - pd.Timestamp(0)) / pd.Timedelta(days=1)).to_numpy(float)
    wrong = np.flatnonzero(((words != "") & np.isnan(days))[row_of])
    if wrong.size:
        raise ValueError(
            f"column {cells.name!r} holds {cells.iloc[wrong[0]]!r} in {contract.list_rows(wrong)}, "
            "which is not a date as in the other rows: write all as 2026-01-31."
        )
    return days[row_of]


def _pattern(words: Sequence[str]) -> str:
    """The way in which most of these words are dates."""
    counts = {
        pattern: sum(bool(re.fullmatch(pattern, word)) for word in words) for pattern in _FORMATS
    }
    return max(counts, key=lambda pattern: counts[pattern])


def is_number(word: str) -> bool:
    """Whether a cell is read as a finite number with a decimal point."""
    try:
        return math.isfinite(float(word)) and "_" not in word
    except ValueError:
        return False
