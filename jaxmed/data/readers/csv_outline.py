"""The outline of a CSV file: its header, the width of its rows, and whether it has quotes.

A quotation mark at the start of a field opens a quoted field, which may hold the separator and line
ends. In a table that was written without quoting it is a mere character, and a reader that takes it
for an opening one swallows the rows up to the next mark. So:

- a quoted field must end with a mark before a separator or a line end, and marks inside it are
  doubled, as RFC 4180 has it;
- a table in which quoted fields hold line ends is refused if it is one without quotes too, with as
  many columns in each of its lines; the caller then says which is meant.
"""

from __future__ import annotations

import csv
import dataclasses
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.readers import utf8
from jaxmed.data.readers.csv_header import column_places

_CHUNK = 1 << 22  # bytes


@dataclasses.dataclass(frozen=True)
class Outline:
    """What is known of a CSV file before its cells are read.

    Attributes:
        places: by name, the place of each column that was asked for.
        rows: their number, without the header and empty lines.
        quotes: whether fields may be in double quotes.
    """

    places: dict[str, int]
    rows: int
    quotes: bool


def outline(
    path: Path, separator: str, roles: Sequence[tuple[str, str | None]], quotes: bool | None
) -> Outline:
    """The outline of a file whose rows all have as many columns as its header.

    Args:
        path: a file in UTF-8.
        separator: one character.
        roles: (argument, the column it names or `None`).
        quotes: whether fields may be in double quotes; `None` finds out, or refuses.

    Raises:
        ValueError: One sentence that names the line or row and the remedy.
    """
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ValueError(
            f"separator is {checks.shown(separator)}, but must be one character that is no "
            "quotation mark and no line end."
        )
    plain = _Lines(path, separator)
    may_quote = plain.marks if quotes is None else quotes
    # Lines are counted as bytes where that is enough: 10 times as fast as to cut fields.
    by_bytes = not (may_quote and plain.marks) and not plain.other_ends and separator.isascii()
    try:
        names = read_csv_header(path, separator, may_quote)
        places = column_places(roles, names, path)
        widths = plain.widths if by_bytes else _widths(path, separator, may_quote)
    except UnicodeDecodeError:
        utf8.read_text(path)  # raises an error that names the line
        raise
    if quotes is None and len(widths) < len(plain.widths) and len(np.unique(plain.widths)) == 1:
        raise ValueError(
            f"{path} can be read in two ways: the quoted field that opens in the row of line "
            f"{_line_of_long_field(path, separator)} holds a line end, yet all lines alone have "
            f"{len(names)} columns too: pass quotes=False for a table without quoting, in which a "
            "quotation mark is a character of the text, or quotes=True for fields that hold line "
            "ends."
        )
    wrong = np.flatnonzero(widths[1:] != len(names))
    if wrong.size:
        raise ValueError(
            f"{path} has {len(names)} columns in its header, but {widths[1:][wrong[0]]} in "
            f"{contract.list_rows(wrong)}: put values that hold the separator {separator!r} in "
            "double quotes, name every column, complete those rows, or name another separator."
        )
    return Outline(places, len(widths) - 1, may_quote)


class _Lines:
    """The lines of a file as they are without quotes, empty ones left out.

    Attributes:
        widths: [lines], the number of columns of each.
        marks: whether there is any quotation mark.
        other_ends: whether there are line ends of old systems, carriage returns alone.
    """

    def __init__(self, path: Path, separator: str) -> None:
        self.marks = self.other_ends = False
        counts, line = [np.zeros(0, np.int64)], 1
        for chunk in _whole_lines(path):
            if b"\0" in chunk:
                line += chunk[: chunk.index(b"\0")].count(b"\n")
                raise ValueError(
                    f"{path} holds a zero byte in line {line}, so it is not a text in UTF-8: save "
                    "it as UTF-8, or get it again."
                )
            line += chunk.count(b"\n")
            self.marks |= b'"' in chunk
            self.other_ends |= chunk.count(b"\r") != chunk.count(b"\r\n")
            if separator.isascii():
                counts.append(_count(np.frombuffer(chunk, np.uint8), ord(separator)))
        self.widths = np.concatenate(counts)


def _whole_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        if stream.read(len(BOM_UTF8)) != BOM_UTF8:
            stream.seek(0)
        while chunk := stream.read(_CHUNK) + stream.readline():
            yield chunk


def _count(chunk: np.ndarray, separator: int) -> np.ndarray:
    ends = np.flatnonzero(chunk == ord("\n"))
    if chunk[-1] != ord("\n"):
        ends = np.append(ends, len(chunk))
    starts = np.append(0, ends[:-1] + 1)
    length = ends - starts
    empty = (length == 0) | ((length == 1) & (chunk[starts.clip(max=len(chunk) - 1)] == ord("\r")))
    before = np.searchsorted(np.flatnonzero(chunk == separator), ends)  # separators
    return (np.diff(before, prepend=0) + 1)[~empty]


def _widths(path: Path, separator: str, quotes: bool) -> np.ndarray:
    """The number of columns of each row, the header first."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = _reader(stream, separator, quotes)
        try:
            return np.fromiter(map(len, filter(None, reader)), np.int64)
        except csv.Error as error:
            raise _unreadable(path, reader.line_num, error) from error


def read_csv_header(path: Path, separator: str, quotes: bool) -> list[str]:
    """The fields of the first line that is not empty.

    Args:
        path: a file in UTF-8.
        separator: one character.
        quotes: whether fields may be in double quotes.

    Raises:
        ValueError: There is no such line, or a quoted field does not end.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = _reader(stream, separator, quotes)
        try:
            header = next(filter(None, reader), None)
        except csv.Error as error:
            raise _unreadable(path, reader.line_num, error) from error
    if header is None:
        raise ValueError(f"{path} is empty, but must hold a header and 1 or more rows.")
    return header


def _reader(stream: Iterable[str], separator: str, quotes: bool) -> Any:
    return csv.reader(
        stream,
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        skipinitialspace=separator != " ",
        strict=True,
    )


def _unreadable(path: Path, line: int, error: csv.Error) -> ValueError:
    if "field limit" in str(error):
        return ValueError(
            f"{path} has a value of more than {csv.field_size_limit():,} characters up to line "
            f"{line}: close the quotation mark that opens it, pass quotes=False for a table "
            "without quoting, or raise csv.field_size_limit."
        )
    return ValueError(
        f"{path} has a quotation mark that opens a field and no matching one before a separator or "
        f"a line end up to line {line} ({error}): double the marks inside a quoted field, or pass "
        "quotes=False for a table without quoting, in which a mark is a character of the text."
    )


def _line_of_long_field(path: Path, separator: str) -> int:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = _reader(stream, separator, quotes=True)
        before = 0
        for _ in reader:
            if reader.line_num > before + 1:
                break
            before = reader.line_num
    return before + 1
