"""CSV files read as text, and their columns of labels, ids and groups.

Shared by the readers of tables, texts and labels of studies. All cells are read as text, so that
`1` stays the class "1" and a message can quote the file.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import normalized, spelled
from jaxmed.data.readers import utf8
from jaxmed.data.readers.csv_header import check_roles
from jaxmed.data.readers.csv_outline import outline

if TYPE_CHECKING:
    import pandas as pd

_MISSING = ("", "na", "n/a", "#n/a", "nan", "none", "null", "<na>")
_LONGEST = 60  # characters of a cell in a message
_LARGEST = float(np.finfo(np.float32).max)


def read_csv(
    path: str | Path,
    separator: str,
    roles: Sequence[tuple[str, str | None]],
    *,
    quotes: bool | None = None,
) -> pd.DataFrame:
    """The columns that `roles` name, as text; the others are not kept.

    Args:
        path: a file with a header line.
        separator: the character between columns.
        roles: (argument, the column it names or `None`), in the order in which to look for them.
        quotes: whether fields may be in double quotes; `None` finds out, see `csv_outline`.
    """
    import pandas as pd

    check_roles(roles)
    if quotes is not None:
        checks.flag("quotes", quotes)
    path = checks.path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    shape = outline(path, separator, roles, quotes)
    kept = sorted(set(shape.places.values()))
    if not shape.rows:
        raise ValueError(f"{path} holds a header but no rows: it must hold 1 or more.")
    quoting = csv.QUOTE_MINIMAL if shape.quotes else csv.QUOTE_NONE
    try:
        rows = pd.read_csv(
            path,
            sep=separator,
            usecols=kept,
            dtype=str,
            keep_default_na=False,
            quoting=quoting,
            skipinitialspace=separator != " ",
            encoding="utf-8-sig",
        )
    except UnicodeDecodeError:
        utf8.read_text(path)  # raises an error that names the line
        raise
    if len(rows) != shape.rows:
        raise ValueError(
            f"{path} has {shape.rows} rows or {len(rows)}, as lines of nothing but blanks or of "
            "old systems are counted: remove such lines."
        )
    return pd.DataFrame({name: rows.iloc[:, kept.index(at)] for name, at in shape.places.items()})


def read_annotations(
    rows: pd.DataFrame,
    *,
    label: str | None,
    classes: Sequence[str] | None,
    id: str | None,  # noqa: A002 (the reserved key)
    group: str | None,
) -> dict[str, np.ndarray]:
    """The columns `label`, `id` and `group`, as far as they are named."""
    if label is None and classes is not None:
        raise ValueError(
            f"classes is {checks.shown(classes)}, but label is None: name the column that holds "
            "them, or pass classes=None."
        )
    if classes is not None:
        contract.check_class_names(classes)
        contract.check_class_names([normalized(str(name)) for name in classes])
    columns: dict[str, np.ndarray] = {}
    if label is not None and classes is None:
        columns["label"] = parse_numbers(
            rows[label], words="name words in classes, the positive one last"
        )
    elif label is not None and classes is not None:
        columns["label"] = _class_numbers(rows[label], [str(name) for name in classes])
    if id is not None:
        columns["id"] = _unique_numbers(rows[id])
    if group is not None:
        codes, cells = _coded(rows[group])
        names = np.array(spelled(cells), object)
        _refuse_empty(rows[group], (names == "")[codes], "belongs to a group")
        columns["group"] = names[codes]
    return columns


def parse_numbers(
    column: pd.Series,
    *,
    allow_missing: bool = False,
    remedy: str = "",
    words: str = "encode words as numbers",
) -> np.ndarray:
    """A column of text as float64, every number finite as float32 too.

    Args:
        column: of numbers with a decimal point.
        allow_missing: read an empty cell, NA, N/A, #N/A, NaN, None, null or <NA> as NaN.
        remedy: what else a user can do about missing cells, for the message.
        words: what a user can do about words.
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    doubtful = np.flatnonzero(~(np.abs(numbers) <= _LARGEST))
    missing = column.iloc[doubtful].str.strip().str.lower().isin(_MISSING).to_numpy(bool)
    wrong = doubtful[~missing] if allow_missing else doubtful
    if not wrong.size:
        return numbers
    cell = column.iloc[wrong[0]]
    place = f"column {column.name!r} holds {_shown(cell)} in {contract.list_rows(wrong)}"
    if not allow_missing and missing.all():
        raise ValueError(
            f"{place}, so values are missing: {remedy}fill those values in, or drop the rows."
        )
    if "," in cell:
        raise ValueError(
            f"{place}, which is not a number with a decimal point: write 1234.5 for 1.234,5 and "
            "for 1,234.5."
        )
    raise ValueError(
        f"{place}, which is not a finite number: fill those values in, drop the rows, or {words}."
    )


def check_not_empty(column: pd.Series, because: str) -> None:
    """Refuse a column with empty cells; `because` continues "every row"."""
    _refuse_empty(column, (column.str.strip() == "").to_numpy(bool), because)


def _refuse_empty(column: pd.Series, empty: np.ndarray, because: str) -> None:
    wrong = np.flatnonzero(empty)
    if wrong.size:
        raise ValueError(
            f"column {column.name!r} is empty in {contract.list_rows(wrong)}, but every row "
            f"{because}: fill it in, or drop the rows."
        )


def _coded(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """For each row the place of its cell among the different cells, and these."""
    import pandas as pd

    codes, cells = pd.factorize(column)
    return codes, [str(cell) for cell in cells]


def _class_numbers(column: pd.Series, classes: list[str]) -> np.ndarray:
    number = {normalized(name): number for number, name in enumerate(classes)}
    codes, cells = _coded(column)
    label = np.array([number.get(normalized(cell), -1) for cell in cells], np.int32)[codes]
    wrong = np.flatnonzero(label < 0)
    if wrong.size:
        raise ValueError(
            f"column {column.name!r} holds {_shown(column.iloc[wrong[0]])} in "
            f"{contract.list_rows(wrong)}, which is not among classes {tuple(classes)}: name it "
            "there, or correct those rows."
        )
    return label


def _unique_numbers(column: pd.Series) -> np.ndarray:
    numbers = parse_numbers(column)
    _, first = np.unique(numbers, return_index=True)  # 1, 1.0 and 01 are one number
    repeated = np.delete(np.arange(len(numbers)), first)
    if repeated.size:
        raise ValueError(
            f"column {column.name!r} repeats {_shown(column.iloc[repeated[0]])} in "
            f"{contract.list_rows(repeated)}, but an id belongs to one row: pass a column that "
            "rows share as group."
        )
    return numbers


def _shown(cell: str) -> str:
    return repr(cell if len(cell) <= _LONGEST else f"{cell[:_LONGEST]}...")
