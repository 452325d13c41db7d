"""Events as one padded list per stay, up to the time of the prediction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.data.records.events import Events

LISTS = ("event_variable", "event_time", "event_value")
"""The columns of a list; the first tells where it ends."""


def event_lists(found: Events, *, until: float, most: int | None = None) -> dict[str, np.ndarray]:
    """One list of events per stay, padded to one length, as tokens of texts are.

    What happened after the prediction time is left out, so that no model can see it.

    Args:
        found: the events.
        until: the prediction time, in hours since the stay began, above 0; what was recorded at
            that time is still known.
        most: events kept of each stay, the last ones; by default all.

    Returns:
        Columns [stays, most]: `event_variable` int32, the place in `found.variables` plus 1, and 0
        behind the last event; `event_time` float32, hours; `event_value` float32. And
        `event_count` [stays] int32. `batches.by_length(columns["event_count"])` fills batches with
        lists of nearly one length, and `transforms.crop_to_longest(task, lengths,
        keys=records.LISTS)` cuts a batch to its longest.

    Raises:
        ValueError: `until` is not positive, or `most` is not a positive whole number.
    """
    checks.made_by("found", found, Events, "Events, such as records.from_event_columns(...) makes")
    checks.positive("until", until)
    known = np.flatnonzero(found.time <= float(until))
    stay = found.stay[known]
    total = np.bincount(stay, minlength=len(found.stays))
    limit = max(1, int(total.max())) if most is None else checks.whole("most", most, most=2**20)
    # The place of each event in its list, counted from the end so that the last ones are kept.
    ends = np.cumsum(total)
    behind = ends[stay] - np.arange(len(known))
    kept = behind <= limit
    counts = np.minimum(total, limit)
    known, stay = known[kept], stay[kept]
    place = counts[stay] - behind[kept]
    columns = {
        "event_variable": np.zeros((len(total), limit), np.int32),
        "event_time": np.zeros((len(total), limit), np.float32),
        "event_value": np.zeros((len(total), limit), np.float32),
    }
    columns["event_variable"][stay, place] = found.variable[known] + 1
    columns["event_time"][stay, place] = found.time[known]
    columns["event_value"][stay, place] = found.value[known]
    return {**columns, "event_count": counts.astype(np.int32)}


def listed(
    columns: Mapping[str, np.ndarray], variables: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The events of padded lists as one table, in the order of rows and of time within each.

    Args:
        columns: of `event_lists`.
        variables: how many there are.

    Returns:
        row, time, variable (from 0) and value, each [events].

    Raises:
        ValueError: a column is missing or has another shape, or a variable is unknown.
    """
    if not isinstance(columns, Mapping):
        raise ValueError(
            f"columns is {checks.shown(columns)}, but must map names to arrays: make it with "
            "records.event_lists."
        )
    missing = [name for name in LISTS if name not in columns]
    if missing:
        raise ValueError(
            f"columns has no {missing[0]!r}, but must be those of records.event_lists: make them "
            "with it."
        )
    number, time, value = (
        checks.real_array(f"columns[{name!r}]", columns[name], "rows events") for name in LISTS
    )
    checks.shapes(
        event_variable=(number, "rows events"),
        event_time=(time, "rows events"),
        event_value=(value, "rows events"),
    )
    whole = number.dtype.kind in "iu"
    if not whole or number.min(initial=0) < 0 or number.max(initial=0) > variables:
        raise ValueError(
            f"columns has variables from {number.min()} to {number.max()} as event_variable, but "
            f"must hold whole numbers from 0 to {variables}: pass the number of all variables."
        )
    row, place = np.nonzero(number)
    return (
        row,
        time[row, place].astype(np.float64),
        number[row, place].astype(np.int64) - 1,
        value[row, place].astype(np.float64),
    )
