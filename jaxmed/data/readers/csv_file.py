"""CSV files read as text, and their columns of labels, ids and groups.

Shared by the readers of tables, texts and labels of studies. All cells are read as text, so that
`1` stays the class "1" and a message can quote the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmed.data import contract
from jaxmed.data.groups import spelled
from jaxmed.data.readers import utf8
from jaxmed.data.readers.csv_header import check_present, check_roles, header_names

if TYPE_CHECKING:
    import pandas as pd

_MISSING = ("", "na", "n/a", "nan", "null")


def read_csv(
    path: str | Path, separator: str, roles: Sequence[tuple[str, str | None]]
) -> pd.DataFrame:
    """The rows of a file as text, if it has every column that `roles` name.

    Args:
        path: a file with a header line.
        separator: what stands between columns.
        roles: (argument, the column it names or `None`), in the order in which to look for them.
    """
    import pandas as pd

    check_roles(roles)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    try:
        rows = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except UnicodeDecodeError:
        utf8.read_text(path)  # raises an error that names the line
        raise
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} is not a table in UTF-8 ({reason}): correct it, or name another separator."
        ) from error
    check_present(roles, header_names(path, separator), path)
    if rows.empty:
        raise ValueError(f"{path} holds a header but no rows: it must hold 1 or more.")
    if not isinstance(rows.index, pd.RangeIndex):  # pandas takes the first column for an index
        raise ValueError(
            f"{path} has rows with more columns than its header: put values that hold the "
            f"separator {separator!r} in double quotes, or name every column."
        )
    return rows


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
            f"classes is {tuple(classes)}, but label is None: name the column that holds them, or "
            "pass classes=None."
        )
    contract.check_class_names(classes or ())
    columns: dict[str, np.ndarray] = {}
    if label is not None and classes is None:
        columns["label"] = parse_numbers(rows[label])
    elif label is not None:
        columns["label"] = _class_numbers(rows[label], [str(name) for name in classes or ()])
    if id is not None:
        columns["id"] = _unique_numbers(rows[id])
    if group is not None:
        check_not_empty(rows[group], "belongs to a group")
        columns["group"] = np.array(spelled(rows[group]), str)
    return columns


def parse_numbers(
    column: pd.Series, *, allow_missing: bool = False, remedy: str = ""
) -> np.ndarray:
    """A column of text as float64.

    Args:
        column: of numbers.
        allow_missing: read an empty cell, NA, N/A, NaN or null as NaN.
        remedy: what else a user can do about missing cells, for the message.
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    missing = column.str.strip().str.lower().isin(_MISSING).to_numpy()
    wrong = np.flatnonzero(~np.isfinite(numbers) & ~(missing & allow_missing))
    if not wrong.size:
        return numbers
    place = f"column {column.name!r} holds {column.iloc[wrong[0]]!r} in {contract.list_rows(wrong)}"
    if missing[wrong].all():
        raise ValueError(
            f"{place}, so values are missing: {remedy}fill those values in, or drop the rows."
        )
    raise ValueError(
        f"{place}, which is not a finite number: fill those values in, drop the rows, or encode "
        "words as numbers."
    )


def check_not_empty(column: pd.Series, because: str) -> None:
    """Refuse a column with empty cells; `because` continues "every row"."""
    empty = np.flatnonzero(column.str.strip() == "")
    if empty.size:
        raise ValueError(
            f"column {column.name!r} is empty in {contract.list_rows(empty)}, but every row "
            f"{because}: fill it in, or drop the rows."
        )


def _class_numbers(column: pd.Series, classes: list[str]) -> np.ndarray:
    label = column.map({name: number for number, name in enumerate(classes)})
    wrong = np.flatnonzero(label.isna())
    if wrong.size:
        raise ValueError(
            f"column {column.name!r} holds {column.iloc[wrong[0]]!r} in "
            f"{contract.list_rows(wrong)}, which is not among classes {tuple(classes)}: name it "
            "there, or correct those rows."
        )
    return label.to_numpy(np.int32)


def _unique_numbers(column: pd.Series) -> np.ndarray:
    numbers = parse_numbers(column)
    _, first = np.unique(numbers, return_index=True)  # 1, 1.0 and 01 are one number
    repeated = np.setdiff1d(np.arange(len(numbers)), first)
    if repeated.size:
        raise ValueError(
            f"column {column.name!r} repeats {column.iloc[repeated[0]]!r} in "
            f"{contract.list_rows(repeated)}, but an id belongs to one row: pass a column that "
            "rows share as group."
        )
    return numbers
