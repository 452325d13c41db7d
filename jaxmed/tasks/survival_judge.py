"""How predictions of survival are judged, whichever model makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jaxmed import metrics
from jaxmed.tasks.judge import Curves, Figures, Judge
from jaxmed.typing import Array, Columns, Float, Outputs

if TYPE_CHECKING:
    from jaxmed.plots import SurvivalGroup

_TIMES = 100  # of the integrated Brier score, as in the literature
_MOST_TIMES = 2_000  # of Antolini's C: beyond, those of so many events
_RISKS = ("low risk", "medium risk", "high risk")
_CALIBRATION_GROUPS = 5
_LEAST_ROWS = 30  # for a figure


def survival_judge(ends: np.ndarray, time: str, event: str) -> Judge:
    """The judge of outputs `survival` [batch, ends] and `mean_time` [batch].

    Curves are interpolated with a constant hazard between the ends (`metrics.survival_at`). The
    statistics are Antolini's C over the times of the events, Harrell's C of `mean_time`, the Brier
    score integrated over 99 times in equal steps from the first time of the rows to just before
    the last, where nothing can be known (weighted by the censoring of all rows, also in resamples),
    and the calibration gap of fifths of the rows at the median time of an event.

    Args:
        ends: of the intervals, above 0 and increasing.
        time: name of the column of times.
        event: name of the column of events.
    """

    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        if len(table["time"]) < _LEAST_ROWS or not (table["event"] == 1).any():
            return
        yield (
            "survival",
            plots.survival_curves(_by_risk(table, ends)),
            "Kaplan-Meier curves of thirds of the rows by predicted risk, their mean predictions "
            "(dashed), and how many are still observed.",
        )
        found, horizon = calibration_of(table, ends)
        yield (
            "survival_calibration",
            plots.survival_calibration(*found[:3], horizon),
            f"Predicted and observed probability of an event until {horizon:g}, the median time of "
            "an event, in fifths of the rows by predicted probability.",
        )

    return Judge(
        check=checks_of(time, event, ends[-1]),
        table=lambda columns, outputs: {
            **observed(columns, time, event),
            "mean_time": outputs["mean_time"],
            "survival": outputs["survival"],
        },
        statistics={
            "antolini_c": lambda table, weights: _antolini(table, ends, weights),
            "harrell_c": _harrell,
            "integrated_brier": lambda table, weights: _integrated_brier(table, ends, weights),
            "calibration_gap": lambda table, weights: _gap(table, ends, weights),
        },
        figures=figures,
        answer=lambda outputs: {name: outputs[name] for name in ("mean_time", "survival")},
        strata=lambda columns: np.asarray(columns[event], np.int64),
        names={"survival": [f"{end:g}" for end in ends]},
        scores=lambda outputs: -outputs["mean_time"][:, None],
        curves=Curves(
            ends,
            observed=lambda columns: observed(columns, time, event),
            survival=lambda outputs: outputs["survival"],
            replaced=lambda outputs, survival: {**outputs, **curve_outputs(survival, ends)},
        ),
    )


def curve_outputs(survival: Float[Array, "batch ends"], ends: np.ndarray) -> Outputs:
    """`survival`, and `mean_time` [batch], the mean time without event until the last end."""
    lengths = np.diff(ends, prepend=0.0).astype(np.float32)
    before = jnp.concatenate([jnp.ones_like(survival[:, :1]), survival[:, :-1]], axis=1)
    return {"survival": survival, "mean_time": ((before + survival) / 2 * lengths[None]).sum(1)}


def observed(columns: Columns, time: str, event: str) -> dict[str, np.ndarray]:
    """`time` in float64 and `event` of a split, under these names."""
    return {
        "time": np.asarray(columns[time], np.float64),
        "event": np.asarray(columns[event]).astype(int),
    }


def checks_of(time: str, event: str, last: float = np.inf) -> Callable[..., str | None]:
    """The check of both columns; to learn from, there must be an event until `last`."""

    def check(columns: Columns, *, training: bool) -> str | None:
        missing = [name for name in (time, event) if name not in columns]
        if missing:
            return f"has the columns {', '.join(columns)}, but needs `{missing[0]}`"
        for name in (time, event):
            if columns[name].ndim != 1 or columns[name].dtype.kind not in "biuf":
                return (
                    f"has {name} of shape {columns[name].shape} and dtype {columns[name].dtype}, "
                    "but needs one number per row"
                )
        bad = np.flatnonzero(~((columns[time] >= 0) & np.isfinite(columns[time])))
        if bad.size:
            return (
                f"has the time {columns[time][bad[0]]} in row {bad[0]}, but times are at least 0: "
                "correct them or leave the rows out"
            )
        bad = np.flatnonzero(~np.isin(columns[event], (0, 1)))
        if bad.size:
            return (
                f"has the event {columns[event][bad[0]]} in row {bad[0]}, but events are 1, or 0 "
                "where the row is censored: recode them"
            )
        if training and not (columns[event][columns[time] <= last] == 1).any():
            until = f" until {last:g}, the last of times" if np.isfinite(last) else ""
            return (
                f"has no event{until}, so nothing can be learned: use "
                f"{'later times or ' if until else ''}other rows"
            )
        return None

    return check


def calibration_of(
    table: Columns, ends: np.ndarray, weights: np.ndarray | None = None
) -> tuple[metrics.SurvivalCalibration, float]:
    """Calibration of five groups by risk at the median time of an event, and that time."""
    horizon = float(np.median(table["time"][table["event"] == 1]))
    survival = metrics.survival_at(table["survival"], ends, np.array([horizon]))[:, 0]
    found = metrics.calibration_at(
        table["time"], table["event"], 1 - survival, horizon, weights, groups=_CALIBRATION_GROUPS
    )
    return found, horizon


def _by_risk(table: Columns, ends: np.ndarray) -> dict[str, SurvivalGroup]:
    """Observed and predicted survival of thirds of the rows by mean time."""
    from jaxmed.plots import SurvivalGroup

    groups = {}
    order = np.argsort(-table["mean_time"], kind="stable")
    for name, rows in zip(_RISKS, np.array_split(order, len(_RISKS)), strict=True):
        curve = metrics.kaplan_meier(table["time"][rows], table["event"][rows])
        predicted = table["survival"][rows].mean(0)
        groups[name] = SurvivalGroup(
            table["time"][rows], curve.times, curve.survival, ends, predicted
        )
    return groups


def _antolini(table: Columns, ends: np.ndarray, weights: np.ndarray | None) -> Any:
    times = np.unique(table["time"][table["event"] == 1])
    if len(times) > _MOST_TIMES:
        times = times[np.linspace(0, len(times) - 1, _MOST_TIMES).round().astype(int)]
    if len(times) == 0 or not (table["time"] > times[0]).any():
        return _undefined(weights)
    survival = metrics.survival_at(table["survival"], ends, times)
    return metrics.antolini_c(table["time"], table["event"], survival, times, weights)


def _harrell(table: Columns, weights: np.ndarray | None) -> Any:
    """An earlier mean time is a higher risk."""
    if not (table["event"] == 1).any():
        return _undefined(weights)
    return metrics.harrell_c(
        table["time"], table["event"], -table["mean_time"].astype(float), weights
    )


def _integrated_brier(table: Columns, ends: np.ndarray, weights: np.ndarray | None) -> Any:
    time, event = table["time"], table["event"]
    if not (event == 1).any() or time.min() == time.max():
        return _undefined(weights)
    times = np.linspace(time.min(), time.max(), _TIMES)[:-1]
    survival = metrics.survival_at(table["survival"], ends, times)
    # The censoring is that of all rows in every resample: a resample may lack the last of them, and
    # would then not know it until the last of the times.
    return metrics.integrated_brier(
        time, event, survival, times, weights, train_time=time, train_event=event
    )


def _gap(table: Columns, ends: np.ndarray, weights: np.ndarray | None) -> Any:
    """Mean distance of predicted and observed probabilities of fifths of the rows."""
    if len(table["time"]) < _LEAST_ROWS or not (table["event"] == 1).any():
        return _undefined(weights)
    return calibration_of(table, ends, weights)[0].gap


def _undefined(weights: np.ndarray | None) -> Any:
    return np.nan if weights is None else np.full(len(weights), np.nan)
