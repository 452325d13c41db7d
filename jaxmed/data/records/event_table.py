"""Events from a long table in a CSV file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.csv_file import check_not_empty, parse_numbers, read_csv
from jaxmed.data.records.events import Events, from_event_columns, stays_once
from jaxmed.data.records.variables import Variable


def from_event_csv(
    path: str | Path,
    *,
    variables: Sequence[Variable],
    stays: Sequence[str],
    stay: str = "stay",
    time: str = "time",
    variable: str = "variable",
    value: str = "value",
    outcome_time: Mapping[str, float] | None = None,
    allow_empty: bool = False,
    separator: str = ",",
) -> Events:
    """Events from a CSV file with one line per value.

    Args:
        path: a file with a header line; further columns are not read.
        variables: all that may occur.
        stays: names of all stays as they stand in the file, in the order of the rows to make.
        stay: the column that names the stay.
        time: the column of hours since the stay began.
        variable: the column that names the variable.
        value: the column of values; a line without a value is left out.
        outcome_time: by stay, hours at which its outcome was known; see `from_event_columns`.
        allow_empty: accept stays without any value.
        separator: the character between columns.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing or holds no numbers, or `from_event_columns` refuses them.
    """
    for name, column in {"stay": stay, "time": time, "variable": variable, "value": value}.items():
        checks.text(name, column)
    limits = _by_stay(outcome_time, stays_once(stays))
    rows = read_csv(
        path,
        separator,
        [("stay", stay), ("time", time), ("variable", variable), ("value", value)],
    )
    for column in (stay, variable):
        check_not_empty(rows[column], "must name it")
    values = parse_numbers(rows[value], allow_missing=True)
    measured = ~np.isnan(values)
    return from_event_columns(
        rows[stay].str.strip().to_numpy(object)[measured],
        parse_numbers(rows[time])[measured],
        rows[variable].str.strip().to_numpy(object)[measured],
        values[measured],
        variables=variables,
        stays=stays,
        outcome_time=limits,
        allow_empty=allow_empty,
    )


def _by_stay(
    outcome_time: Mapping[str, float] | None, stays: Sequence[Hashable]
) -> list[float] | None:
    if outcome_time is None:
        return None
    if not isinstance(outcome_time, Mapping):
        raise ValueError(
            f"outcome_time is {checks.shown(outcome_time)}, but must map stays to hours: pass a "
            "dict."
        )
    known = {str(stay) for stay in stays}
    for stay in outcome_time:
        checks.known("outcome_time", stay, known)
    return [outcome_time.get(str(stay), np.nan) for stay in stays]
