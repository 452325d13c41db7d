"""A table whose cells are text, as they stand in the file."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxmed import checks
from jaxmed.data.groups import normalized
from jaxmed.data.readers import utf8
from jaxmed.data.readers.csv_file import read_annotations, read_csv
from jaxmed.data.readers.csv_outline import read_csv_header

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = (",", ";", "\t", "|")
_SHOWN = 20  # names in a message


@dataclasses.dataclass(frozen=True, eq=False)
class RawTable:
    """Cells of text by the name of their column.

    Attributes:
        cells: one column of text per name, without the unnamed ones.
        path: of the file.
        unnamed: how many columns have no name; they are not kept.
    """

    cells: pd.DataFrame
    path: Path
    unnamed: int = 0

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in the order of the file."""
        return tuple(self.cells.columns)

    def take(self, rows: Sequence[int] | np.ndarray) -> RawTable:
        """The table of these rows."""
        return dataclasses.replace(self, cells=self.cells.iloc[np.asarray(rows)])

    def column(self, name: str, *, role: str = "name") -> pd.Series[Any]:
        """The cells of one column.

        Args:
            name: as in the header; blanks around it do not count.
            role: of the column, for the message.

        Raises:
            ValueError: There is no such column.
        """
        checks.text(role, name)
        if normalized(name) in self.cells:
            return self.cells[normalized(name)]
        near = [each for each in self.names if each.casefold() == normalized(name).casefold()]
        near = near or checks.nearest(name, self.names)
        some = ", ".join(map(repr, self.names[:_SHOWN]))
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {some}."
        raise ValueError(f"{role} is {name!r}, a column that {self.path} does not have: {hint}")

    def annotations(
        self, *, label: str, classes: Sequence[str] | None, group: str | None = None
    ) -> dict[str, np.ndarray]:
        """Labels and, where they are named, patients, as `schema.source` takes them.

        Args:
            label: the column of labels.
            classes: its words in the order of their numbers; None where it holds numbers.
            group: the column that names the patient.

        Returns:
            `label` [rows], int32 or float32, and `group` [rows].

        Raises:
            ValueError: A column is not there, a cell is missing or another word.
        """
        names = {self.column(label, role="label").name: label}
        if group is not None:
            names[self.column(group, role="group").name] = group
        rows = self.cells[list(names)].rename(columns=names)
        found = read_annotations(rows, label=label, classes=classes, id=None, group=group)
        return {**found, "label": found["label"].astype(np.int32 if classes else np.float32)}


def read_table(path: str | Path, *, separator: str | None = None) -> RawTable:
    """The cells of a CSV or TSV file, with a header line.

    Args:
        path: of the file, in UTF-8.
        separator: the character between columns; by default the one of comma, semicolon, tab and
            vertical bar that is most frequent in the header.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is empty, two columns have one name, or a row has more or fewer cells.
    """
    path = checks.path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    separator = _separator(path) if separator is None else separator
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ValueError(
            f"separator is {checks.shown(separator)}, but must be one character that is no "
            "quotation mark and no line end."
        )
    try:
        header = [normalized(name) for name in read_csv_header(path, separator, quotes=True)]
    except UnicodeDecodeError:
        utf8.read_text(path)  # raises an error that names the line
        raise
    names = [name for name in header if name]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f"{path} has {Counter(names)[twice[0]]} columns of the name {twice[0]!r}: rename them, "
            "so that it is known which is meant."
        )
    if not names:
        raise ValueError(f"{path} has no names in its first line: write a header.")
    cells = read_csv(path, separator, [("column", name) for name in names])
    return RawTable(cells, path, len(header) - len(names))


def _separator(path: Path) -> str:
    with path.open("rb") as stream:
        line = next((line for line in stream if line.strip()), b"")
    counts = {each: line.count(each.encode()) for each in SEPARATORS}
    return max(counts, key=lambda each: counts[each])
