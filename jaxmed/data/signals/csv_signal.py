"""Signals from CSV files: one column per lead, one row per sample."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data.signals.recording import Recording


def read_signal_csv(
    path: str | Path, *, rate: float, leads: Sequence[str] | None = None, unit: str = "mV"
) -> Recording:
    """Read a recording from a CSV file whose first line names the leads.

    Args:
        path: of the file, comma-separated, UTF-8.
        rate: samples per second, which the file does not say.
        leads: names of the columns to read, in the order wanted; by default all.
        unit: of the values.

    Returns:
        The recording; an empty field is NaN.

    Raises:
        ValueError: for a column that is missing, a value that is no number, or a line with more or
            fewer values than names.
        FileNotFoundError: if there is no such file.
    """
    path = checks.path("path", path)
    checks.positive("rate", rate)
    checks.text("unit", unit)
    if not path.is_file():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such file.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2:
        raise ValueError(
            f"{path} has {len(rows)} lines, but must have one with names and one per sample."
        )
    names = tuple(name.strip() for name in rows[0])
    wanted = names if leads is None else checks.strings("leads", leads)
    missing = [lead for lead in wanted if lead not in names]
    if missing:
        raise ValueError(
            f"leads has {', '.join(missing)}, but {path} has the columns {', '.join(names)}: name "
            "columns that it has."
        )
    places = [names.index(lead) for lead in wanted]
    signal = np.empty((len(rows) - 1, len(wanted)), np.float32)
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise ValueError(
                f"{path} has {len(row)} values in row {line}, but names {len(names)} columns: "
                "correct the row."
            )
        for column, place in enumerate(places):
            signal[line - 2, column] = _number(path, line, wanted[column], row[place].strip())
    return Recording(signal, rate, wanted, (unit,) * len(wanted), path.stem)


def _number(path: Path, line: int, lead: str, text: str) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        raise ValueError(
            f"{path} has {checks.shortened(text)} as {lead} in row {line}, but must have a number: "
            "correct it, or leave it empty."
        ) from None
