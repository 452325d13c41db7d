"""Statistics of predicted curves over time: of survival, or of the incidence of one cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxmed import metrics
from jaxmed.tasks.judge import Statistic
from jaxmed.typing import Columns

CurvesAt = Callable[[Columns, np.ndarray], np.ndarray]
"""(table, times) -> probability of no event of the cause until each time [rows, times]."""

LEAST_ROWS = 30  # for groups of rows
_TIMES = 100  # of the integrated Brier score, as in the literature
_MOST_TIMES = 2_000  # of Antolini's C: beyond, those of so many events
_CALIBRATION_GROUPS = 5
_RESAMPLES, _LEAST_RESAMPLES = 200, 20  # of a figure
_MOST_WEIGHTS = 10_000_000  # of them, in memory


def curve_statistics(at: CurvesAt, cause: int = 1, causes: int = 1) -> dict[str, Statistic]:
    """Antolini's C, the integrated Brier score and the calibration gap.

    C is over the times of the events. The Brier score is integrated over 99 times in equal steps
    from the first time of the rows to just before the last, where nothing can be known, weighted by
    the censoring of all rows, also in resamples. The gap is that of fifths of the rows at the
    median time of an event. All three are NaN where they are undefined.

    Args:
        at: reads the curves of a table, which has `time` [rows] and `event` [rows], 0 censored.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.
    """
    counted = {"cause": cause, "causes": causes}

    def antolini(table: Columns, weights: np.ndarray | None) -> Any:
        time, event = table["time"], table["event"]
        times = np.unique(time[event == cause])
        if len(times) > _MOST_TIMES:
            times = times[np.linspace(0, len(times) - 1, _MOST_TIMES).round().astype(int)]
        if len(times) == 0 or not (time > times[0]).any():
            return undefined(weights)
        return metrics.antolini_c(time, event, at(table, times), times, weights, **counted)

    def integrated_brier(table: Columns, weights: np.ndarray | None) -> Any:
        time, event = table["time"], table["event"]
        if not (event == cause).any() or time.min() == time.max():
            return undefined(weights)
        times = np.linspace(time.min(), time.max(), _TIMES)[:-1]
        # The censoring is that of all rows in every resample: a resample may lack the last of them,
        # and would then not know it until the last of the times.
        return metrics.integrated_brier(
            time,
            event,
            at(table, times),
            times,
            weights,
            train_time=time,
            train_event=event,
            **counted,
        )

    def gap(table: Columns, weights: np.ndarray | None) -> Any:
        if len(table["time"]) < LEAST_ROWS or not (table["event"] == cause).any():
            return undefined(weights)
        return calibration_of(table, at, weights, **counted)[0].gap

    return {"antolini_c": antolini, "integrated_brier": integrated_brier, "calibration_gap": gap}


def auroc_over_time(
    table: Columns, at: CurvesAt, *, cause: int = 1, causes: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:
    """Times, AUROC at each, and both ends of its bootstrap interval; None where it is undefined.

    The times are the deciles of those of the events, but for the first and the last.
    """
    time, event = table["time"], table["event"]
    times = np.unique(np.quantile(time[event == cause], np.linspace(0.1, 0.9, 9)))
    times = times[(times >= time[event == cause].min()) & (times < time.max())]
    if not len(times):
        return None
    risk = 1 - at(table, times)

    def areas(weights: np.ndarray | None) -> np.ndarray:
        return metrics.auroc_at(
            time,
            event,
            risk,
            times,
            weights,
            train_time=time,
            train_event=event,
            cause=cause,
            causes=causes,
        )

    resamples = max(_LEAST_RESAMPLES, min(_RESAMPLES, _MOST_WEIGHTS // len(time)))
    weights = metrics.bootstrap_weights(
        len(time), resamples=resamples, seed=0, group=table.get("group")
    )
    drawn = areas(weights)
    if np.isnan(drawn).all(axis=0).any():
        return None
    low, high = np.nanpercentile(drawn, (2.5, 97.5), axis=0)
    return times, areas(None), low, high


def calibration_of(
    table: Columns,
    at: CurvesAt,
    weights: np.ndarray | None = None,
    *,
    cause: int = 1,
    causes: int = 1,
) -> tuple[metrics.SurvivalCalibration, float]:
    """Calibration of five groups by risk at the median time of an event, and that time."""
    horizon = float(np.median(table["time"][table["event"] == cause]))
    found = metrics.calibration_at(
        table["time"],
        table["event"],
        1 - at(table, np.array([horizon]))[:, 0],
        horizon,
        weights,
        groups=_CALIBRATION_GROUPS,
        cause=cause,
        causes=causes,
    )
    return found, horizon


def undefined(weights: np.ndarray | None) -> Any:
    """NaN, one per resample if weights are given."""
    return np.nan if weights is None else np.full(len(weights), np.nan)
