"""Checks of what a survival statistic is given.

`time` [rows] is when the event of a row happened, or when the row was last observed without one.
`event` [rows] is 0 where the row is censored (no event was observed until `time`), and otherwise
the number of the cause, 1 .. causes.
"""

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows

_MOST_CAUSES = 100
_MOST_TIMES = 10_000
_ROUNDING = 1e-6


def time_and_event(
    time: np.ndarray, event: np.ndarray, causes: int = 1, names: tuple[str, str] = ("time", "event")
) -> tuple[np.ndarray, np.ndarray]:
    """Times [rows] in float64 and events [rows] as whole numbers in 0 .. causes.

    Args:
        time: at least 0 and finite.
        event: 0 censored, 1 .. causes the cause of the event.
        causes: how many causes there are.
        names: of both arguments, for the messages.
    """
    causes = checks.whole("causes", causes, most=_MOST_CAUSES)
    of_time, of_event = names
    time, event = checks.real_array(of_time, time), checks.real_array(of_event, event)
    checks.shapes(**{of_time: (time, "rows"), of_event: (event, "rows")})
    check_rows(of_time, time)
    check_rows(of_event, event)
    if time.min() < 0:
        raise ValueError(
            f"{of_time} holds {time.min():g}, but must be at least 0: measure it from the start of "
            "observation of each row."
        )
    wrong = event[~((event >= 0) & (event <= causes) & (event == np.floor(event)))]
    if wrong.size:
        raise ValueError(
            f"{of_event} holds {wrong[0]:g}, but must hold whole numbers in 0 .. {causes}, 0 for "
            f"censored rows: correct it, or declare more causes where the function takes `causes`."
        )
    return time.astype(np.float64), event.astype(np.int64)


def check_cause(event: np.ndarray, cause: int, causes: int) -> int:
    """`cause` as an int; refused where it is not declared or no row has an event of it."""
    cause = checks.whole("cause", cause, most=checks.whole("causes", causes, most=_MOST_CAUSES))
    if not (event == cause).any():
        raise ValueError(
            f"event holds {cause} in none of {len(event)} rows, so no two rows can be compared, "
            "but must hold at least one event: use rows that are observed for longer."
        )
    return cause


def one_per_row(name: str, value: np.ndarray, rows: int) -> np.ndarray:
    """A finite number per row [rows] in float64."""
    value = checks.real_array(name, value, "rows")
    if len(value) != rows:
        raise ValueError(
            f"{name} has shape {value.shape}, but must have shape ({rows},), as time has: give one "
            "number per row."
        )
    check_rows(name, value)
    return value.astype(np.float64)


def probability_per_row(name: str, value: np.ndarray, rows: int) -> np.ndarray:
    """A probability of an event per row [rows] in float64, in [0, 1]."""
    value = one_per_row(name, value, rows)
    if value.min() < 0 or value.max() > 1:
        raise ValueError(
            f"{name} ranges from {value.min():g} to {value.max():g}, but must lie in [0, 1]: pass "
            "probabilities of an event."
        )
    return value


def per_row_and_time(name: str, value: np.ndarray, rows: int, times: int) -> np.ndarray:
    """A finite number per row and time [rows, times] in float64."""
    value = checks.real_array(name, value, "rows times")
    if value.shape != (rows, times):
        raise ValueError(
            f"{name} has shape {value.shape}, but must have shape ({rows}, {times}): give one row "
            "per entry of time and one column per entry of times."
        )
    check_rows(name, value)
    return value.astype(np.float64)


def survival_at_times(survival: np.ndarray, rows: int, times: int) -> np.ndarray:
    """Predicted survival [rows, times] in float64: in [0, 1] and not increasing along times."""
    survival = per_row_and_time("survival", survival, rows, times)
    if survival.min() < -_ROUNDING or survival.max() > 1 + _ROUNDING:
        raise ValueError(
            f"survival ranges from {survival.min():g} to {survival.max():g}, but must lie in "
            "[0, 1]: pass probabilities of having no event until each time."
        )
    rise = np.diff(survival, axis=1).max(axis=1, initial=0)
    if rise.max() > _ROUNDING:
        row = int(rise.argmax())
        raise ValueError(
            f"survival increases by {rise[row]:g} along the times of row {row}, but must not "
            "increase: pass survival and not risk, with columns in the order of times."
        )
    return survival


def increasing_times(times: np.ndarray) -> np.ndarray:
    """Times [times] in float64: finite, at least 0 and strictly increasing."""
    times = checks.real_array("times", times, "times")
    if len(times) > _MOST_TIMES:
        raise ValueError(
            f"times has {len(times):,} entries, but must have at most {_MOST_TIMES:,}."
        )
    check_rows("times", times)
    times = times.astype(np.float64)
    if times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError(
            f"times is {checks.shown(times.tolist())}, but must be at least 0 and strictly "
            "increasing: sort it and leave out repetitions."
        )
    return times
