"""Events as one row of statistics per stay, for linear models, trees and perceptrons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.records.padded_lists import listed
from jaxmed.data.records.variables import Variable, checked_variables

STATISTICS = (
    "mean",
    "minimum",
    "maximum",
    "first",
    "last",
    "deviation",
    "slope",
    "log count",
    "late mean",
    "hours since",
)
"""Of each variable of a stay, in the order of `event_summary`."""


def summary_names(variables: Sequence[Variable]) -> tuple[str, ...]:
    """Names of the columns of `event_summary`, such as "HR, mean"."""
    variables = checked_variables(variables)
    return tuple(f"{of.name}, {name}" for name in STATISTICS for of in variables)


def event_summary(columns: Mapping[str, np.ndarray], *, variables: int, until: float) -> np.ndarray:
    """Statistics of each variable over the stay.

    In this order: mean, minimum, maximum, first and last value, standard deviation (divisor n),
    slope of the least squares line (per hour; needs two different times), log(1 + number of
    values), mean of the last quarter of the time, and hours from the last value to `until`. NaN
    where a stay has no such value; the count is then 0.

    Args:
        columns: of `event_lists`.
        variables: how many there are.
        until: the prediction time, in hours since the stay began; later events are left out.

    Returns:
        [rows, 10 * variables] float32: the first statistic of all variables, then the second.

    Raises:
        ValueError: the columns are not those of `event_lists`, or a number is not positive.
    """
    variables = checks.whole("variables", variables)
    checks.positive("until", until)
    until = float(until)
    row, time, variable, value = listed(columns, variables)
    rows = len(columns["event_variable"])
    order = np.lexsort((time, row))
    order = order[time[order] <= until]
    time, value = time[order], value[order]
    cell = row[order] * variables + variable[order]
    size = rows * variables

    def total(of: np.ndarray) -> np.ndarray:
        return np.bincount(cell, of, minlength=size)

    count = np.bincount(cell, minlength=size)
    divisor = np.where(count > 0, count, np.nan)
    mean, middle = total(value) / divisor, total(time) / divisor
    from_mean = value - mean[cell]
    from_middle = time - middle[cell]
    spread = total(from_middle**2)
    late = time > 0.75 * until
    late_count = np.bincount(cell[late], minlength=size)
    statistics = {
        "mean": mean,
        "minimum": _extreme(np.minimum, np.inf, cell, value, size),
        "maximum": _extreme(np.maximum, -np.inf, cell, value, size),
        "first": _last(cell[::-1], value[::-1], size),
        "last": _last(cell, value, size),
        "deviation": np.sqrt(total(from_mean**2) / divisor),
        "slope": total(from_mean * from_middle) / np.where(spread > 1e-9, spread, np.nan),
        "log count": np.log1p(count),
        "late mean": total(value * late) / np.where(late_count > 0, late_count, np.nan),
        "hours since": until - _last(cell, time, size),
    }
    stacked = [statistics[name].reshape(rows, variables) for name in STATISTICS]
    return np.concatenate(stacked, axis=1).astype(np.float32)


def _extreme(
    extreme: np.ufunc, worst: float, cell: np.ndarray, value: np.ndarray, size: int
) -> np.ndarray:
    found = np.full(size, worst)
    extreme.at(found, cell, value)
    return np.where(np.isfinite(found), found, np.nan)


def _last(cell: np.ndarray, value: np.ndarray, size: int) -> np.ndarray:
    """The last value of each cell: of several assignments, NumPy keeps the last."""
    found = np.full(size, np.nan)
    found[cell] = value
    return found
