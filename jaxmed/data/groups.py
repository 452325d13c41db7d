"""Names of patients and studies: one spelling for each, none missing.

A patient under two spellings would be in two parts of a split and count as two in an interval; rows
without a name would become one patient.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np

from jaxmed.data import contract

_MISSING = (
    "", "na", "n/a", "#n/a", "nan", "nat", "none", "null", "<na>", "?", "-", ".", "unknown"
)  # fmt: skip


def normalized(text: str) -> str:
    """Text in composed Unicode (NFC), with single blanks, without invisible characters.

    Exports of fixed width end names with blanks, file systems decompose accents, and web pages
    leave no-break blanks and blanks of no width.
    """
    composed = unicodedata.normalize("NFC", text)
    if not composed.isascii():
        composed = "".join(c for c in composed if unicodedata.category(c) != "Cf")
    return " ".join(composed.split())


def spelled(names: Iterable[object]) -> list[str]:
    """Names as `normalized` text; whole numbers without decimals, so that 7.0 is 7.

    What stands for a missing value (None, NaN, "NA", "?" and others) becomes "".
    """
    known: dict[object, str] = {}  # there are fewer patients than rows
    return [
        known[name] if name in known else known.setdefault(name, _spelled(name)) for name in names
    ]


def group_numbers(group: np.ndarray) -> np.ndarray:
    """Names of patients or studies as int32 numbers, in the order of the sorted names.

    Args:
        group: [rows], text or numbers. Whole numbers of 32 bits stay as they are.

    Raises:
        ValueError: Rows without a name, with the first of them; a negative number, as pandas
            numbers missing values; two names that differ only in case or leading zeros.
    """
    if group.dtype.kind == "i" and group.size and -(2**31) <= group.min() <= group.max() < 2**31:
        _check_named(group < 0)
        return group.astype(np.int32)
    place: dict[object, int] = {}
    rows = (place.setdefault(name, len(place)) for name in group.ravel().tolist())
    row_places = np.fromiter(rows, np.int64, group.size).reshape(group.shape)
    names = np.array(spelled(place), dtype=str)
    _check_named((names == "")[row_places])
    different, numbers = np.unique(names, return_inverse=True)
    _check_different(different.tolist())
    return numbers[row_places].astype(np.int32)


def _spelled(name: object) -> str:
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    text = normalized(name.decode() if isinstance(name, bytes) else str(name))
    if text.lower() in _MISSING:
        return ""
    # Spreadsheets and pandas write 7 as 7.0, where another row of the column is empty.
    whole, _, decimals = text.partition(".")
    return whole if decimals and whole.isdecimal() and not decimals.strip("0") else text


def _check_named(missing: np.ndarray) -> None:
    if not missing.any():
        return
    rows = np.flatnonzero(missing.reshape(len(missing), -1).any(axis=1))
    raise ValueError(
        f"group is missing in {contract.list_rows(rows)}: name the patient or study of every "
        "row, or drop those rows."
    )


def _check_different(names: list[str]) -> None:
    """Refuse `p1` beside `P1` and `7` beside `007`, which may be one patient or two."""
    known: dict[str, str] = {}
    for name in names:
        alike = (name.lstrip("0") or "0") if name.isdecimal() else name.casefold()
        other = known.setdefault(alike, name)
        if other != name:
            raise ValueError(
                f"group holds both {other!r} and {name!r}, which may be one patient or two: write "
                "one patient in one way, and name two in different ways."
            )
