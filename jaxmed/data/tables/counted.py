"""A schema from training rows: the kind of each column, its categories and quantiles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import normalized
from jaxmed.data.tables.columns import (
    NO_CATEGORY,
    Column,
    are_dates,
    categories_of,
    days_of,
    numbers_of,
)
from jaxmed.data.tables.raw import RawTable
from jaxmed.data.tables.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

_LEAST_ROWS = 3  # of a category; rarer ones count as unknown
_LEAST_SHARE = 0.1  # of the rows that the kept categories cover; else it is text
_MIXED = 0.5  # share of numbers from which on words in a column are taken for mistakes
_IDENTIFIER = re.compile(r"(^|[ _.-])(id|nr|no|num|number|mrn|key|index|row)$|^(id|pid|uid)|id$")
_SLASHED = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}")


def schema_of(
    raw: RawTable,
    *,
    rows: Sequence[int] | np.ndarray | None = None,
    leave_out: Sequence[str] = (),
    since: str | None = None,
    quantiles: int = 32,
    most_categories: int = 30,
    say: Callable[[str], None] | None = None,
) -> Schema:
    """How the columns of a table are read: kinds from all rows, all else from the training rows.

    Cells that are all numbers make a number, all dates an interval in days, other words a category.
    A column is left out, and said, where it holds one value only, identifiers, or free text.

    Args:
        raw: the whole table.
        rows: numbers of the training rows, from which categories, ranges and quantiles are counted;
            by default all.
        leave_out: names of columns that are not read, such as that of the label.
        since: the column of dates to which other dates are intervals; by default the one with the
            latest dates, where there are several, and the first day of the training rows where
            there is one.
        quantiles: of numbers, at most: between them a network sees a column piece by piece.
        most_categories: kept of a column, the most frequent; others count as unknown, as do those
            in fewer than three training rows.
        say: is given a sentence for each column that is left out or that may surprise.

    Returns:
        The schema; it reads any table with these columns.

    Raises:
        ValueError: A named column is not there, numbers and words are mixed, dates can be read in
            two ways, or no column is left.
    """
    checks.made_by("raw", raw, RawTable, "what read_table gives")
    say = _unsaid if say is None else say
    checks.function("say", say, "of a sentence")
    quantiles = checks.whole("quantiles", quantiles, most=1024)
    most_categories = checks.whole("most_categories", most_categories, most=10_000)
    for name in checks.strings("leave_out", leave_out):
        raw.column(name, role="leave_out")
    train = raw if rows is None else raw.take(_chosen(rows, len(raw)))
    out = {normalized(name) for name in leave_out}
    names = [name for name in raw.names if name not in out]
    kinds = {name: _kind(raw.cells[name]) for name in names}
    dates = [name for name in names if kinds[name] == "date"]
    anchor = _anchor(train, dates, since, say)
    found: list[Column] = []
    for name in names:
        if name == anchor:
            continue
        cells = train.cells[name]
        if kinds[name] == "category":
            column = _category(cells, most_categories, say)
        elif kinds[name] == "number":
            column = _number(cells, raw.cells[name], quantiles, say)
        else:
            column = _date(cells, train, anchor, quantiles, say)
        if column is not None:
            found.append(column)
    if not found:
        raise ValueError(f"{raw.path} has no column to learn from: add one, or leave out fewer.")
    return Schema(tuple(found))


def _chosen(rows: Sequence[int] | np.ndarray, count: int) -> tuple[int, ...]:
    found = checks.wholes("rows", rows, least=0)
    if not found or max(found) >= count:
        raise ValueError(
            f"rows is {checks.shown(rows)}, but must hold row numbers from 0 to {count - 1}."
        )
    return found


def _unsaid(sentence: str) -> None:
    del sentence


def _kind(cells: pd.Series[Any]) -> str:
    """Of the cells that are not missing; refused where it cannot be told."""
    import pandas as pd

    words = cells.drop_duplicates()
    there = words[~words.str.strip().str.lower().isin(NO_CATEGORY)]
    if there.empty:
        return "category"
    there = there[there.str.strip().str.lower() != "none"]  # "none" is missing, or a category
    numbers = pd.to_numeric(there, errors="coerce").notna()
    if len(there) and numbers.all():
        # A mark that is there or not is a category of one word.
        return "number" if len(there) > 1 else "category"
    if are_dates(cells):
        return "date"
    slashed = there.map(lambda cell: bool(_SLASHED.fullmatch(cell.strip())))
    if slashed.all():
        raise ValueError(
            f"column {cells.name!r} holds {there.iloc[0]!r}, which may be a day and a month or the "
            "other way round: write dates as 2026-01-31, or leave the column out."
        )
    # Ten numbers and a word are a mistake; of few different values, all are names of something.
    if numbers.mean() >= _MIXED and numbers.sum() >= 10:
        wrong = np.flatnonzero(cells.isin(there[~numbers]).to_numpy(bool))
        raise ValueError(
            f"column {cells.name!r} holds numbers, but {cells.iloc[wrong[0]]!r} in "
            f"{contract.list_rows(wrong)}: write a number, leave the cell empty where none is "
            "known, or leave the column out."
        )
    return "category"


def _category(cells: pd.Series[Any], most: int, say: Callable[[str], None]) -> Column | None:
    words, counts = np.unique(categories_of(cells), return_counts=True)
    missing = int(counts[words == ""].sum())
    counts, words = counts[words != ""], words[words != ""]
    kept = counts >= _LEAST_ROWS
    order = np.lexsort((words[kept], -counts[kept]))[:most]
    if not len(words) or (len(words) == 1 and not missing):
        say(f"{cells.name!r} is left out: it holds one value only.")
        return None
    covered = counts[kept][order].sum() / counts.sum()
    if covered < _LEAST_SHARE:
        say(f"{cells.name!r} is left out: its {len(words):,} words are too many to be categories.")
        return None
    if len(order) < len(words):
        rare = len(words) - len(order)
        say(f"{cells.name!r} has {rare:,} rare categories, which are read as one unknown.")
    return Column(str(cells.name), "category", tuple(words[kept][order].tolist()), missing=missing)


def _number(
    cells: pd.Series[Any], whole: pd.Series[Any], quantiles: int, say: Callable[[str], None]
) -> Column | None:
    values = numbers_of(cells)
    cuts = _cuts(values, quantiles)
    if len(cuts) < 2:
        say(f"{cells.name!r} is left out: it holds one value only.")
        return None
    every = numbers_of(whole)
    if _IDENTIFIER.search(str(cells.name).lower()) and _all_different_wholes(every):
        say(f"{cells.name!r} is left out: it looks like a number that identifies the row.")
        return None
    return Column(str(cells.name), "number", cuts=cuts, missing=int(np.isnan(values).sum()))


def _all_different_wholes(values: np.ndarray) -> bool:
    return bool((values == np.floor(values)).all()) and len(np.unique(values)) == len(values)


def _anchor(
    train: RawTable, dates: Sequence[str], since: str | None, say: Callable[[str], None]
) -> str | None:
    """The column of dates from which the others are counted; it is no feature itself."""
    if since is not None:
        name = str(train.column(since, role="since").name)
        if name not in dates:
            raise ValueError(f"since is {since!r}, a column without dates: name one of {dates}.")
        return name
    if len(dates) < 2:
        return None
    latest = [float(np.nanmean(days_of(train.cells[name]))) for name in dates]
    name = dates[int(np.argmax(latest))]
    say(f"{name!r} has the latest dates: other dates are read as the days until it.")
    return name


def _date(
    cells: pd.Series[Any],
    train: RawTable,
    anchor: str | None,
    quantiles: int,
    say: Callable[[str], None],
) -> Column | None:
    days = days_of(cells)
    since = anchor
    if since is None:
        first = np.datetime64(int(np.nanmin(days)), "D")
        since = str(first)
        values = days - float(first.astype(float))
        say(f"{cells.name!r} is read as days since {first}: later patients lie outside of them.")
    else:
        values = days_of(train.cells[since]) - days
    cuts = _cuts(values, quantiles)
    if len(cuts) < 2:
        say(f"{cells.name!r} is left out: it holds one value only.")
        return None
    return Column(
        str(cells.name), "date", cuts=cuts, since=since, missing=int(np.isnan(values).sum())
    )


def _cuts(values: np.ndarray, quantiles: int) -> tuple[float, ...]:
    """Smallest and largest value, and different quantiles between them."""
    there = values[~np.isnan(values)]
    if not there.size:
        return ()
    few = np.unique(there)
    if len(few) <= quantiles + 1:
        return tuple(few.tolist())
    return tuple(np.unique(np.quantile(there, np.linspace(0, 1, quantiles + 1))).tolist())
