"""Names of patients and studies: one spelling for each, none missing.

A patient under two spellings would be in two parts of a split and count as two in an interval; rows
without a name would become one patient.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np

from jaxmed.data import contract

_MISSING = ("", "na", "n/a", "nan", "nat", "none", "null", "<na>")


def spelled(names: Iterable[object]) -> list[str]:
    """Names as text without blanks around them, in composed Unicode (NFC).

    Exports of fixed width end names with blanks, and file systems decompose accents. What stands
    for a missing value (None, NaN, "NA" and others) becomes "".
    """
    known: dict[object, str] = {}  # there are fewer patients than rows
    return [
        known[name] if name in known else known.setdefault(name, _spelled(name)) for name in names
    ]


def group_numbers(group: np.ndarray) -> np.ndarray:
    """Names of patients or studies as int32 numbers, in the order of the sorted names.

    Args:
        group: [rows], text or numbers. Numbers of 32 bits stay as they are.

    Raises:
        ValueError: Rows without a name, with the first of them.
    """
    if group.dtype.kind == "i" and group.size and -(2**31) <= group.min() <= group.max() < 2**31:
        return group.astype(np.int32)
    names = np.array(spelled(group.ravel().tolist()), dtype=str)
    missing = np.flatnonzero(names == "")
    if missing.size:
        rows = np.unique(np.unravel_index(missing, group.shape)[0])
        raise ValueError(
            f"group is missing in {contract.list_rows(rows)}: name the patient or study of every "
            "row, or drop those rows."
        )
    numbers = np.unique(names, return_inverse=True)[1]
    return numbers.reshape(group.shape).astype(np.int32)


def composed(text: str) -> str:
    """`text` without blanks around it, in composed Unicode (NFC)."""
    return unicodedata.normalize("NFC", text).strip()


def _spelled(name: object) -> str:
    if isinstance(name, float) and name.is_integer():
        name = int(name)  # spreadsheets and pandas write 7 as 7.0
    text = name.decode() if isinstance(name, bytes) else str(name)
    text = composed(text)
    return "" if text.lower() in _MISSING else text
