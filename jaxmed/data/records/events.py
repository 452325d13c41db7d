"""A checked long table of events: who, when, what, how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.records.variables import Variable, checked_variables, in_plausible_range


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """Events in the order of their stays, and of time within each; made by `from_event_columns`.

    Attributes:
        stays: names of the stays; their places are the rows of all that is made of the events.
        variables: what was measured.
        stay: [events] int32, place in `stays`.
        time: [events] float64, hours since the stay began.
        variable: [events] int32, place in `variables`.
        value: [events] float64, in the variable's unit.
        dropped: by variable, how many values lay outside its plausible range and were left out.
    """

    stays: tuple[Hashable, ...]
    variables: tuple[Variable, ...]
    stay: np.ndarray
    time: np.ndarray
    variable: np.ndarray
    value: np.ndarray
    dropped: Mapping[str, int]


def from_event_columns(
    stay: Sequence[Hashable] | np.ndarray,
    time: Sequence[float] | np.ndarray,
    variable: Sequence[str] | np.ndarray,
    value: Sequence[float] | np.ndarray,
    *,
    variables: Sequence[Variable],
    stays: Sequence[Hashable] | np.ndarray,
    outcome_time: Sequence[float] | np.ndarray | None = None,
    allow_empty: bool = False,
) -> Events:
    """The events of a long table, checked.

    Single values outside of the plausible range of their variable are left out and counted in
    `dropped`. A variable with most of its values outside is refused: its unit must be another one.

    Args:
        stay: [events], the stay of each event, such as a hospital's number.
        time: [events], hours since the stay began; within a stay it must not decrease.
        variable: [events], name of the variable.
        value: [events], in the unit of the variable.
        variables: all that may occur.
        stays: [stays], names of all stays, each once; their order is that of the rows.
        outcome_time: [stays], hours at which the outcome was known, such as death; NaN where there
            is none. An event after it would tell the answer, so it is refused.
        allow_empty: accept stays without any value.

    Raises:
        ValueError: A stay is there twice, has no value, or is unknown; a variable is unknown or in
            another unit; times decrease, are negative or after the outcome; a number is not finite.

    Example:
        >>> found = from_event_columns(
        ...     ["a", "a"], [0.5, 2.0], ["HR", "HR"], [80, 92],
        ...     variables=[Variable("HR", "1/min", 10, 300)], stays=["a"],
        ... )
        >>> found.value.tolist()
        [80.0, 92.0]
    """
    checks.flag("allow_empty", allow_empty)
    variables = checked_variables(variables)
    names = stays_once(stays)
    times, values = (_finite(name, of) for name, of in (("time", time), ("value", value)))
    whose, what = _names("stay", stay), _names("variable", variable)
    lengths = {"stay": len(whose), "time": len(times), "variable": len(what)}
    lengths["value"] = len(values)
    if len(set(lengths.values())) > 1:
        raise ValueError(f"stay, time, variable and value are of unequal length, {lengths}.")
    rows = _places("stay", whose, names, "stays")
    numbers = _places("variable", what, [each.name for each in variables], "variables")
    _check_order(names, rows, times)
    if outcome_time is not None:
        _check_outcome(names, rows, times, outcome_time)
    sound = in_plausible_range(variables, numbers, values)
    if not allow_empty:
        _check_not_empty(names, rows[sound])
    dropped = np.bincount(numbers[~sound], minlength=len(variables))
    kept = np.flatnonzero(sound)
    kept = kept[np.argsort(rows[kept], kind="stable")]
    return Events(
        tuple(names),
        variables,
        rows[kept],
        times[kept],
        numbers[kept],
        values[kept],
        {of.name: int(n) for of, n in zip(variables, dropped, strict=True) if n},
    )


def stays_once(stays: Sequence[Hashable] | np.ndarray) -> list[Hashable]:
    """The names of stays as a list; refused where it is empty or names one twice."""
    names = _names("stays", stays)
    if not names:
        raise ValueError("stays is empty, but must name one stay or more.")
    seen: set[Hashable] = set()
    for name in names:
        _hashable("stays", name)
        if name in seen:
            raise ValueError(
                f"stays names {checks.shown(name)} twice: give each stay one row, and number the "
                "stays of a patient."
            )
        seen.add(name)
    return names


def _names(name: str, value: Sequence[Hashable] | np.ndarray) -> list[Hashable]:
    found = value.tolist() if isinstance(value, np.ndarray) else value
    return list(checks.sequence(name, found, "names"))


def _hashable(argument: str, name: object) -> None:
    try:
        hash(name)
    except TypeError:
        raise ValueError(
            f"{argument} holds {checks.shown(name)}, but must hold names: pass strings or numbers."
        ) from None


def _finite(name: str, value: Sequence[float] | np.ndarray) -> np.ndarray:
    found = checks.real_array(name, value, "events").astype(np.float64)
    wrong = np.flatnonzero(~np.isfinite(found))
    if wrong.size:
        raise ValueError(
            f"{name} is {found[wrong[0]]} in event {wrong[0]}, but must be finite: leave out what "
            "was not measured."
        )
    return found


def _places(
    argument: str, names: list[Hashable], known: Sequence[Hashable], where: str
) -> np.ndarray:
    """For each name its place among those that are known."""
    place = {name: number for number, name in enumerate(known)}
    try:
        return np.array([place[name] for name in names], np.int32)
    except (KeyError, TypeError):
        for event, name in enumerate(names):
            _hashable(argument, name)
            if name not in place:
                near = checks.nearest(str(name), [str(each) for each in known])
                hint = f"did you mean {' or '.join(near)}?" if near else f"add it to {where}."
                raise ValueError(
                    f"{argument} is {checks.shown(name)} in event {event}, which is not in "
                    f"{where}: {hint}"
                ) from None
        raise


def _check_order(names: list[Hashable], rows: np.ndarray, time: np.ndarray) -> None:
    if time.size and time.min() < 0:
        event = int(np.flatnonzero(time < 0)[0])
        raise ValueError(
            f"time is {time[event]:g} in event {event}, but must be 0 or more: count hours from "
            "the beginning of the stay."
        )
    order = np.argsort(rows, kind="stable")
    same = rows[order][1:] == rows[order][:-1]
    back = np.flatnonzero(same & (np.diff(time[order]) < 0))
    if back.size:
        before, after = order[back[0]], order[back[0] + 1]
        raise ValueError(
            f"time goes back from {time[before]:g} to {time[after]:g} in event {after}, of stay "
            f"{checks.shown(names[rows[after]])}: sort the table by stay and time, after making "
            "sure that its clock is right."
        )


def _check_outcome(
    names: list[Hashable],
    rows: np.ndarray,
    time: np.ndarray,
    outcome_time: Sequence[float] | np.ndarray,
) -> None:
    limit = checks.real_array("outcome_time", outcome_time, "stays").astype(np.float64)
    if len(limit) != len(names):
        raise ValueError(
            f"outcome_time has {len(limit)} values, but must have one for each of the "
            f"{len(names)} stays."
        )
    late = np.flatnonzero(time > limit[rows])  # NaN: never
    if late.size:
        event = late[0]
        raise ValueError(
            f"time is {time[event]:g} in event {event}, after the outcome of stay "
            f"{checks.shown(names[rows[event]])} at {limit[rows[event]]:g}: leave out what was "
            "recorded after the outcome, which would tell the answer."
        )


def _check_not_empty(names: list[Hashable], rows: np.ndarray) -> None:
    empty = np.setdiff1d(np.arange(len(names)), rows)
    if empty.size:
        raise ValueError(
            f"stays holds {checks.shown(names[empty[0]])}, one of {empty.size} without any "
            "plausible value: leave them out, or pass allow_empty=True."
        )
