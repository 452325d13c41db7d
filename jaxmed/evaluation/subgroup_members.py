"""Which rows belong to which subgroup."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.tasks import Judge
from jaxmed.typing import Columns

MOST_SUBGROUPS = 20
"""Subgroups of one variable; more are a measurement, and not groups."""


@dataclasses.dataclass(frozen=True)
class Subgroup:
    """The rows of a table that share a value. It prints as `sex = female`.

    Attributes:
        variable: what the value tells, such as "sex".
        name: the value, such as "female".
        inside: the numbers of its rows.
        rest: the numbers of the rows with another value of the variable.
        patients: how many patients its rows are of; rows where the table has no `group`.
        rest_patients: the same of the rest.
        positives: how many of its rows are of the positive class; None where there is none.
        independent: whether every patient has one row, in the subgroup and in the rest.
        is_half: whether the rest is the only other subgroup.
    """

    variable: str
    name: str
    inside: np.ndarray = dataclasses.field(repr=False)
    rest: np.ndarray = dataclasses.field(repr=False)
    patients: int
    rest_patients: int
    positives: int | None
    independent: bool
    is_half: bool

    def __str__(self) -> str:
        return f"{self.variable} = {self.name}"


def subgroup_members(
    judge: Judge, table: Columns, subgroup: Any, *, least: int
) -> tuple[list[Subgroup], list[str]]:
    """The subgroups that are large enough, and sentences about what was left out.

    Args:
        judge: of the task.
        table: one row per unit.
        subgroup: values [rows], or several such arrays by name.
        least: rows, or patients, that a subgroup needs.
    """
    rows = len(next(iter(table.values())))
    given = subgroup if isinstance(subgroup, Mapping) else {"subgroup": subgroup}
    if not given:
        raise ValueError("subgroup is empty, but must name at least one variable: pass an array.")
    found: list[Subgroup] = []
    notes: list[str] = []
    for variable, values in given.items():
        checks.text("subgroup", variable)
        shown, more = _of_variable(judge, table, variable, _words(variable, values, rows), least)
        found += shown
        notes += more
    return found, notes


def _of_variable(
    judge: Judge, table: Columns, variable: str, words: np.ndarray, least: int
) -> tuple[list[Subgroup], list[str]]:
    known = words != ""
    names = sorted(set(words[known].tolist()), key=_by_number)
    if len(names) < 2:
        raise ValueError(
            f"subgroup has {len(names)} different values of {variable}, but must have at least "
            "two: there is nothing to compare."
        )
    if len(names) > MOST_SUBGROUPS:
        raise ValueError(
            f"subgroup has {len(names)} different values of {variable}, but must have at most "
            f"{MOST_SUBGROUPS}: cut a measurement into ranges."
        )
    group = np.asarray(table["group"]) if "group" in table else np.arange(len(words))
    unit = "patients" if "group" in table else "rows"
    notes = []
    if not known.all():
        notes.append(
            f"{variable}: {(~known).sum():,} of {len(words):,} rows have no value, and are in no "
            "subgroup and in no rest."
        )
    positive = _positives(judge, table)
    found = []
    for name in names:
        inside, rest = np.flatnonzero(words == name), np.flatnonzero(known & (words != name))
        each = Subgroup(
            variable, name, inside, rest,
            len(np.unique(group[inside])), len(np.unique(group[rest])),
            None if positive is None else int(positive[inside].sum()),
            independent=len(np.unique(group[known])) == int(known.sum()),
            is_half=len(names) == 2,
        )  # fmt: skip
        if each.patients < least:
            notes.append(
                f"{each}: {each.patients} {unit} are too few to be shown; at least {least} are "
                "needed."
            )
        else:
            found.append(each)
    return found, notes


def _positives(judge: Judge, table: Columns) -> np.ndarray | None:
    if judge.classes is None or judge.classes.positive is None:
        return None
    return np.asarray(judge.classes.truth(table)) == 1


def _words(variable: str, values: Any, rows: int) -> np.ndarray:
    """The values as words; an empty one where a value is missing."""
    try:
        column = np.asarray(values)
    except (ValueError, TypeError):  # lists of unequal lengths
        column = np.array(None)
    if column.shape != (rows,):
        raise ValueError(
            f"subgroup has {variable} of shape {column.shape}, but must have shape ({rows},): give "
            "one value per row of the table."
        )
    if column.dtype.kind not in "biufUSO":
        raise ValueError(
            f"subgroup has {variable} of {column.dtype}, but must hold words or whole numbers: "
            "convert it."
        )
    return np.array([_word(variable, value) for value in column.tolist()], dtype=str)


def _word(variable: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return " ".join(checks.printable(value).split())
    if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
        return str(value if isinstance(value, bool) else int(value))
    raise ValueError(
        f"subgroup holds {checks.shown(value)} in {variable}, but must hold words or whole "
        "numbers: cut a measurement into ranges."
    )


def _by_number(name: str) -> tuple[int, float, str]:
    """Numbers first and by size, then words."""
    try:
        return 0, float(int(name)), name
    except ValueError:
        return 1, 0.0, name
