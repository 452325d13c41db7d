"""Intervals of time at whose ends survival is predicted."""

from __future__ import annotations

from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.metrics import kaplan_meier
from jaxmed.typing import Float, Num


def interval_ends(
    time: Num[np.ndarray, " rows"], event: Num[np.ndarray, " rows"], *, intervals: int = 20
) -> Float[np.ndarray, " times"]:
    """Ends of intervals in each of which about as many events are expected.

    They are the quantiles of the Kaplan-Meier estimate: survival falls by the same amount in every
    interval, and the last one ends at the last event. Count them from training rows.

    Args:
        time: [rows], at least 0.
        event: [rows], 1 or 0.
        intervals: how many, at least 2; fewer come back where events share their times.

    Returns:
        [at most `intervals`], strictly increasing, above 0.

    Raises:
        ValueError: if times or events are invalid, or no event lies after 0.

    References:
        Kvamme and Borgan 2021, on the discretization of time by the quantiles of survival.
    """
    intervals = checks.whole("intervals", intervals, least=2)
    curve = kaplan_meier(time, event)
    steps = (curve.events > 0) & (curve.times > 0)
    if not steps.any():
        raise ValueError("event has no 1 at a time above 0: nothing can be learned of intervals.")
    times, survival = curve.times[steps], curve.survival[steps]
    levels = np.linspace(1, survival[-1], intervals + 1)[1:]
    # The first time at which survival has fallen to a level, but for rounding.
    found = times[np.searchsorted(-survival, -levels - 1e-12).clip(max=len(times) - 1)]
    return np.unique(found)


def checked_ends(times: Any) -> np.ndarray:
    """The argument `times` as ends of intervals [times] in float64, above 0 and increasing."""
    ends = np.asarray(checks.real_array("times", times), np.float64)
    if ends.ndim != 1 or ends.size < 2:
        raise ValueError(f"times has shape {ends.shape}, but must name at least 2 ends: [times].")
    if not np.isfinite(ends).all() or ends[0] <= 0 or (np.diff(ends) <= 0).any():
        raise ValueError(
            f"times is {checks.shown(times)}, but must be above 0 and strictly increasing: see "
            "tasks.interval_ends."
        )
    if (np.diff(ends.astype(np.float32)) <= 0).any():
        raise ValueError(
            f"times is {checks.shown(times)}, of which some are equal in float32: subtract a start."
        )
    return ends
