"""Events as a grid: bins of time by variables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.data.records.padded_lists import listed


def event_bins(
    columns: Mapping[str, np.ndarray], *, variables: int, until: float, bins: int
) -> dict[str, np.ndarray]:
    """The mean of each variable in each bin of time, and how long ago its last value was.

    A bin holds the events from its start until before its end; the last one also those at
    `until`. Later events are left out.

    Args:
        columns: of `event_lists`.
        variables: how many there are.
        until: the prediction time, in hours since the stay began, above 0.
        bins: how many of equal length there are from 0 to `until`.

    Returns:
        `bin_value` [rows, bins, variables] float32, NaN where a bin holds no value, for inputs that
        fill it such as `inputs.bins()`. `bin_elapsed` of the same shape: hours from the end of the
        last earlier bin with a value, or from the beginning of the stay, to the end of this bin
        (Che et al. 2018, equation 2, at the ends of bins).

    Raises:
        ValueError: the columns are not those of `event_lists`, or a number is not positive.

    Example:
        >>> columns = {
        ...     "event_variable": np.array([[1, 1, 0]]),
        ...     "event_time": np.array([[0.2, 0.8, 0.0]]),
        ...     "event_value": np.array([[70.0, 80.0, 0.0]]),
        ... }
        >>> event_bins(columns, variables=1, until=2.0, bins=2)["bin_value"].ravel().tolist()
        [75.0, nan]
    """
    variables, bins = checks.whole("variables", variables), checks.whole("bins", bins, most=2**16)
    checks.positive("until", until)
    until = float(until)
    row, time, variable, value = listed(columns, variables)
    known = time <= until
    row, time, variable, value = row[known], time[known], variable[known], value[known]
    rows = len(columns["event_variable"])
    at = np.minimum((time * bins / until).astype(np.int64), bins - 1)
    cell = (row * bins + at) * variables + variable
    size = rows * bins * variables
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, value, minlength=size)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    grid = mean.astype(np.float32).reshape(rows, bins, variables)
    return {"bin_value": grid, "bin_elapsed": _elapsed(~np.isnan(grid), until / bins)}


def _elapsed(present: np.ndarray, hours: float) -> np.ndarray:
    """Hours since the last earlier bin with a value, or since the beginning."""
    elapsed = np.zeros(present.shape, np.float32)
    for step in range(1, present.shape[1]):
        before = np.where(present[:, step - 1], 0, elapsed[:, step - 1])
        elapsed[:, step] = before + np.float32(hours)
    return elapsed
