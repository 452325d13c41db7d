"""A source from a CSV file whose columns the user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.readers import utf8
from jaxmed.data.source import Arrays, from_arrays

if TYPE_CHECKING:
    import pandas as pd


def from_csv(
    path: str | Path,
    *,
    features: Sequence[str],
    label: str,
    classes: Sequence[str] | None,
    id: str | None = None,  # noqa: A002 (the reserved key)
    group: str | None = None,
    separator: str = ",",
) -> Arrays:
    """A source of the rows of a CSV file.

    Args:
        path: A file with a header line.
        features: The columns of numbers to learn from, in this order.
        label: The column to predict.
        classes: What the label column holds, in the order of the labels 0, 1, ...: of a binary
          diagnosis the disease comes last, to be the positive class. `None` for a measurement to
          regress.
        id: A column of whole numbers, all different; by default the row.
        group: The column that names the patient or study.
        separator: What stands between columns.

    Returns:
        Examples {features: [columns] float32, label: int32 or float32, id: int32, group: int32}.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or holds no numbers, a value is missing, a label is not
          among the classes, an id is repeated, or there are no rows.
    """
    if isinstance(features, str) or not features:
        raise ValueError(f"features is {features!r}, but must be a list of one column or more.")
    roles = [("features", name) for name in features]
    table = read(path, separator, [*roles, ("label", label), ("id", id), ("group", group)])
    columns = {"features": np.stack([_numbers(table[name]) for name in features], axis=1)}
    columns |= annotated(table, label=label, classes=classes, id=id, group=group)
    return from_arrays(columns, classes=[str(name) for name in classes or ()])


def read(path: str | Path, separator: str, roles: Sequence[tuple[str, str | None]]) -> pd.DataFrame:
    """The rows of a file, all as text, where it has every column that `roles` name.

    Args:
        path: A file with a header line.
        separator: What stands between columns.
        roles: (argument, the column it names or `None`), in the order in which to look for them.
    """
    import pandas as pd

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    # Everything is read as text, so that 1 stays the class "1" and a message can quote the file.
    try:
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except UnicodeDecodeError:
        utf8.read(path)  # refuses it too, and says in which line
        raise
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path} is no table in UTF-8 ({reason}): correct it, or name another separator."
        ) from error
    for role, name in roles:
        if name is not None:
            _present(role, name, table, path)
    if table.empty:
        raise ValueError(f"{path} holds a header but no rows: it must hold 1 or more.")
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first column for an index
        raise ValueError(
            f"{path} has rows with more columns than its header: put what holds the separator "
            f"{separator!r} in double quotes, or name every column."
        )
    return table


def annotated(
    table: pd.DataFrame,
    *,
    label: str | None,
    classes: Sequence[str] | None,
    id: str | None,  # noqa: A002 (the reserved key)
    group: str | None,
) -> dict[str, np.ndarray]:
    """What is known of each row, whatever is learned from: its label, id and group."""
    columns: dict[str, np.ndarray] = {}
    if label is not None and classes is None:
        columns["label"] = _numbers(table[label])
    elif label is not None:
        columns["label"] = _classified(table[label], [str(name) for name in classes or ()])
    if id is not None:
        columns["id"] = _identity(table[id])
    if group is not None:
        filled(table[group], "belongs to a group")
        columns["group"] = table[group].to_numpy(str)
    return columns


def _present(role: str, name: str, table: pd.DataFrame, path: Path) -> None:
    if name in table.columns:
        return
    present = [str(column) for column in table.columns]
    near = checks.nearest(name, present)
    hint = f"it has {', '.join(map(repr, present))}."
    if near:
        hint = f"did you mean {' or '.join(map(repr, near))}?"
    if len(present) == 1:
        hint = f"it has only {present[0]!r}, so perhaps it wants another separator."
    raise ValueError(f"{role} names the column {name!r}, which {path} does not have: {hint}")


def _numbers(column: pd.Series) -> np.ndarray:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if wrong.size:
        raise ValueError(
            f"column {column.name!r} holds {column.iloc[wrong[0]]!r} in {contract.listed(wrong)}, "
            "which is no finite number: fill those values in, drop the rows, or encode words as "
            "numbers."
        )
    return numbers


def _classified(column: pd.Series, classes: list[str]) -> np.ndarray:
    label = column.map({name: number for number, name in enumerate(classes)})
    wrong = np.flatnonzero(label.isna())
    if wrong.size:
        raise ValueError(
            f"column {column.name!r} holds {column.iloc[wrong[0]]!r} in {contract.listed(wrong)}, "
            f"which is not among classes {tuple(classes)}: name it there, or correct those rows."
        )
    return label.to_numpy(np.int32)


def _identity(column: pd.Series) -> np.ndarray:
    numbers = _numbers(column)
    twice = np.flatnonzero(column.duplicated())
    if twice.size:
        raise ValueError(
            f"column {column.name!r} repeats {column.iloc[twice[0]]!r} in "
            f"{contract.listed(twice)}, but an id is of one row: a column that rows share is the "
            "group."
        )
    return numbers


def filled(column: pd.Series, because: str) -> None:
    """Refuse a column that is empty in a row; `because` goes on after "every row"."""
    missing = np.flatnonzero(column.str.strip() == "")
    if missing.size:
        raise ValueError(
            f"column {column.name!r} is empty in {contract.listed(missing)}, but every row "
            f"{because}: fill it in, or drop the rows."
        )
