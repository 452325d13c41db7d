"""Whether parts of a table are apart: no row, no patient and no copy of a row in two of them.

A figure says nothing of new patients where the test rows hold some that were trained on. Check the
parts before training, and print the check beside the figure:

    print(jm.data.check_split(rows, {"train": train, "test": test}))
    # train 1,218, test 381; no copies between parts; sha256 7a498288056d38d7
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.groups import group_numbers
from jaxmed.typing import Columns

NOT_CONTENT = ("id", "group", "mask")


@dataclasses.dataclass(frozen=True)
class SplitCheck:
    """What `check_split` found. It prints as one line.

    Attributes:
        sizes: rows of each part, by name.
        copies: rows whose content stands in an earlier part too.
        digest: of the row numbers of each part, 16 hexadecimal digits of SHA-256; the order within
            a part does not change it, the order of the parts does.
    """

    sizes: Mapping[str, int]
    copies: int
    digest: str

    def __str__(self) -> str:
        sizes = ", ".join(f"{name} {count:,}" for name, count in self.sizes.items())
        copies = "1 copy" if self.copies == 1 else f"{self.copies or 'no'} copies"
        return f"{sizes}; {copies} between parts; sha256 {self.digest}"


def check_split(
    columns: Columns,
    parts: Mapping[str, Any],
    *,
    outcomes: Collection[str] = (),
    inputs: Collection[str] = (),
    copies_allowed: bool = False,
) -> SplitCheck:
    """Check that parts of a table are apart, and give their sizes and what identifies them.

    Two rows are copies if all their columns but `id`, `group` and `mask` are equal. Rows without
    any copy may still be of one patient: without a column `group` that cannot be seen here.

    Args:
        columns: of the table, each [rows, ...].
        parts: row numbers of each part, by name. Folds are separate calls.
        outcomes: columns that are known only after the prediction, such as the target, the length
            of a stay or what it cost.
        inputs: columns that a model reads.
        copies_allowed: count copies between parts and do not refuse them.

    Returns:
        Sizes, copies between parts and digest.

    Raises:
        ValueError: if a row or a group is in two parts, a row is in one twice or is none of the
            table's, a copy of a row is in another part, or an input is an outcome.

    Example:
        >>> table = {"x": np.array([1.0, 2.0, 3.0, 2.0])}
        >>> found = check_split(table, {"train": [0, 1], "test": [2]})
        >>> print(found)
        train 2, test 1; no copies between parts; sha256 e64aa1bc61564a4c
        >>> check_split(table, {"train": [0, 1], "test": [2, 3]}, copies_allowed=True).copies
        1
    """
    checks.named_columns("columns", columns)
    checks.flag("copies_allowed", copies_allowed)
    leaks = sorted({*checks.strings("inputs", inputs)} & {*checks.strings("outcomes", outcomes)})
    if leaks:
        raise ValueError(
            f"inputs name {leaks[0]}, but that is an outcome, known only after the prediction: "
            "leave it out of what the model reads."
        )
    count = len(next(iter(columns.values())))
    known = _parts(parts, count)
    part_of = np.full(count, -1)
    for number, rows in enumerate(known.values()):
        part_of[rows] = number
    _check_disjoint(known)
    if "group" in columns:
        _check_groups(group_numbers(np.asarray(columns["group"])), part_of, list(known))
    copies = _copies(columns, part_of)
    if len(copies) and not copies_allowed:
        first, second = copies[0]
        names = [list(known)[part_of[row]] for row in (first, second)]
        raise ValueError(
            f"parts hold {len(copies):,} copies of rows of other parts, such as row {second} in "
            f"{names[1]}, which is row {first} in {names[0]}: keep copies together, such as by a "
            "column `group`, or allow them with copies_allowed=True."
        )
    return SplitCheck(
        {name: len(rows) for name, rows in known.items()}, len(copies), _digest(known)
    )


def _parts(parts: Any, count: int) -> dict[str, np.ndarray]:
    if not isinstance(parts, Mapping) or len(parts) < 2:
        raise ValueError(
            f"parts is {checks.shown(parts)}, but must name two or more parts with their rows: "
            "pass {'train': rows, 'test': rows}."
        )
    known = {}
    for name in checks.strings("parts", tuple(parts)):
        rows = checks.real_array(f"parts[{name!r}]", parts[name], "rows")
        inside = (rows >= 0) & (rows < count) & (rows == np.floor(rows))
        if not inside.all():
            raise ValueError(
                f"parts[{name!r}] holds {rows[~inside][0]:g}, but must hold row numbers in 0 .. "
                f"{count - 1}: count them from 0."
            )
        known[name] = np.sort(rows.astype(np.int64))
        twice = known[name][1:][np.diff(known[name]) == 0]
        if twice.size:
            raise ValueError(
                f"parts[{name!r}] holds row {twice[0]} twice, but must hold it once: leave out "
                "repetitions."
            )
    return known


def _check_disjoint(parts: Mapping[str, np.ndarray]) -> None:
    for first, second in combinations(parts, 2):
        both = np.intersect1d(parts[first], parts[second])
        if both.size:
            raise ValueError(
                f"parts {first} and {second} both hold row {both[0]}, and {len(both):,} rows in "
                "all, but must be disjoint: divide the rows anew."
            )


def _check_groups(group: np.ndarray, part_of: np.ndarray, names: list[str]) -> None:
    rows = np.flatnonzero(part_of >= 0)
    rows = rows[np.argsort(group[rows], kind="stable")]
    same = group[rows[1:]] == group[rows[:-1]]
    split = np.flatnonzero(same & (part_of[rows[1:]] != part_of[rows[:-1]]))
    if split.size:
        one, other = rows[split[0]], rows[split[0] + 1]
        raise ValueError(
            f"parts {names[part_of[one]]} and {names[part_of[other]]} both hold group {group[one]} "
            f"(rows {one} and {other}), but rows of one group must stay together: use "
            "data.stratified_split or data.stratified_folds with the groups."
        )


def _copies(columns: Columns, part_of: np.ndarray) -> list[tuple[int, int]]:
    """(row, copy of it in another part), one for each such copy."""
    content = [np.asarray(column) for name, column in columns.items() if name not in NOT_CONTENT]
    seen: dict[bytes, int] = {}
    found = []
    for row in np.argsort(part_of, kind="stable"):
        if part_of[row] < 0:
            continue
        key = _key(content, int(row))
        first = seen.setdefault(key, int(row))
        if part_of[first] != part_of[row]:
            found.append((first, int(row)))
    return found


def _key(content: list[np.ndarray], row: int) -> bytes:
    parts = (repr(c[row]).encode() if c.dtype == object else c[row].tobytes() for c in content)
    return hashlib.sha256(b"|".join(parts)).digest()


def _digest(parts: Mapping[str, np.ndarray]) -> str:
    joined = b"|".join(rows.tobytes() for rows in parts.values())
    return hashlib.sha256(joined).hexdigest()[:16]
