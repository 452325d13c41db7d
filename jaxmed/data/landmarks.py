"""Patients who are under observation at a time, out of rows of periods."""

from __future__ import annotations

import numpy as np

from jaxmed import checks
from jaxmed.data.groups import group_numbers
from jaxmed.typing import Columns


def landmark_rows(
    columns: Columns,
    at: float,
    *,
    start: str = "start",
    time: str = "time",
    event: str = "event",
    group: str = "group",
) -> dict[str, np.ndarray]:
    """One row per patient who is under observation at the landmark, with what is known then.

    Models of periods (`tasks.piecewise_hazard(start=...)`) are judged so: the covariates are those
    of the period in which the landmark lies, time and event those of the patient's last period.
    Divide predicted survival by that at the landmark, since all have lived until then:

        rows = jm.data.landmark_rows(test, at=2.0)
        survival = jm.predict(model, rows)["survival"]
        after = survival_at(survival, ends, times) / survival_at(survival, ends, np.array([2.0]))
        metrics.antolini_c(rows["time"], rows["event"], after, times)

    Args:
        columns: rows of periods, each [rows, ...].
        at: the landmark, at least 0, in the unit of the times.
        start: the column of times at which a period begins.
        time: the column of times at which it ends, above its start.
        event: the column that says whether it ended with an event.
        group: the column of patients.

    Returns:
        The columns [patients under observation, ...], patients in the order of their numbers.

    Raises:
        ValueError: if a column is missing, periods of a patient overlap, one before the last ends
            with an event, or nobody is under observation at the landmark.

    References:
        Van Houwelingen, Dynamic prediction by landmarking in event history analysis, 2007.
    """
    checks.named_columns("columns", columns)
    checks.at_least("at", at, 0)
    for name, column in {"start": start, "time": time, "event": event, "group": group}.items():
        checks.text(name, column)
        checks.known(name, column, columns)
    begins, ends = (
        checks.real_array(name, columns[column], "rows").astype(np.float64)
        for name, column in (("start", start), ("time", time))
    )
    patient, happened = group_numbers(np.asarray(columns[group])), np.asarray(columns[event])
    order = np.lexsort((begins, patient))
    same = patient[order[1:]] == patient[order[:-1]]
    earlier, later = order[:-1][same], order[1:][same]
    _check_each(begins[later] < ends[earlier], earlier, "begins before the one before it has ended")
    _check_each(happened[earlier] > 0, earlier, "has an event before the last")
    last = order[np.append(~same, True)]
    last_of = np.zeros(patient.max() + 1, np.int64)
    last_of[patient[last]] = last
    present = order[(begins[order] <= at) & (at < ends[order])]
    if not len(present):
        raise ValueError(f"at is {at:g}, but nobody is under observation then: use another time.")
    own = last_of[patient[present]]
    rows = {name: np.asarray(column)[present] for name, column in columns.items()}
    return {**rows, time: np.asarray(columns[time])[own], event: happened[own]}


def _check_each(wrong: np.ndarray, rows: np.ndarray, what: str) -> None:
    if wrong.any():
        raise ValueError(
            f"columns hold a patient of whose periods one {what} (row {rows[np.argmax(wrong)]}): "
            "correct the times."
        )
