"""How predictions of survival are judged, whichever model makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from jaxmed import metrics
from jaxmed.tasks.curve_statistics import (
    LEAST_ROWS,
    CurvesAt,
    auroc_over_time,
    calibration_of,
    curve_statistics,
    undefined,
)
from jaxmed.tasks.judge import Curves, Figures, Judge
from jaxmed.typing import Array, Columns, Float, Outputs

if TYPE_CHECKING:
    from jaxmed.plots import SurvivalGroup

_LEAST = 1e-12  # of a probability, so that its logarithm is finite
_RISKS = ("low risk", "medium risk", "high risk")


def survival_judge(ends: np.ndarray, time: str, event: str) -> Judge:
    """The judge of outputs `survival` [batch, ends] and `mean_time` [batch].

    Curves are interpolated with a constant hazard between the ends (`metrics.survival_at`). The
    statistics are those of `curve_statistics`, and Harrell's C of the sum of the cumulative hazards
    -log S at the times of the rows' events: how many events there would be if all rows were like
    this one (Ishwaran et al., Random survival forests, 2008, "ensemble mortality").

    Args:
        ends: of the intervals, above 0 and increasing.
        time: name of the column of times.
        event: name of the column of events.
    """

    def at(table: Columns, times: np.ndarray) -> np.ndarray:
        return metrics.survival_at(table["survival"], ends, times)

    of_curves = curve_statistics(at)

    def figures(table: Columns) -> Figures:
        from jaxmed import plots

        if len(table["time"]) < LEAST_ROWS or not (table["event"] == 1).any():
            return
        yield (
            "survival",
            plots.survival_curves(_by_risk(table, ends)),
            "Kaplan-Meier curves of thirds of the rows by predicted risk, their mean predictions "
            "(dashed), and how many are still observed.",
        )
        found, horizon = calibration_of(table, at)
        yield (
            "survival_calibration",
            plots.survival_calibration(*found[:3], horizon),
            f"Predicted and observed probability of an event until {horizon:g}, the median time of "
            "an event, in fifths of the rows by predicted probability.",
        )
        areas = auroc_over_time(table, at)
        if areas is not None:
            yield (
                "survival_auroc",
                plots.survival_auroc(*areas),
                "AUROC of rows with an event until each time against those without, with 95 % "
                "bootstrap intervals, weighted by the probability of not being censored.",
            )

    return Judge(
        check=checks_of(time, event, ends[-1]),
        table=lambda columns, outputs: {
            **observed(columns, time, event),
            "mean_time": outputs["mean_time"],
            "survival": outputs["survival"],
        },
        statistics={
            "antolini_c": of_curves.pop("antolini_c"),
            "harrell_c": lambda table, weights: _harrell(table, at, weights),
            **of_curves,
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


def periods_judge(judge: Judge, start: str, time: str) -> Judge:
    """The judge where rows are periods of patients and not patients: checks, and no statistics.

    Args:
        judge: of patients.
        start: name of the column of times at which a row begins to be observed.
        time: name of the column of times at which it ends.
    """

    def check(columns: Columns, *, training: bool) -> str | None:
        if start not in columns:
            return f"has the columns {', '.join(columns)}, but needs `{start}`"
        begins = columns[start]
        if begins.ndim != 1 or begins.dtype.kind not in "biuf":
            return (
                f"has {start} of shape {begins.shape} and dtype {begins.dtype}, but needs one "
                "number per row"
            )
        said = judge.check(columns, training=training)
        if said is not None:
            return said
        bad = np.flatnonzero(~((begins >= 0) & (begins < columns[time])))
        if bad.size:
            return (
                f"has the {start} {begins[bad[0]]:g} and the {time} {columns[time][bad[0]]:g} in "
                f"row {bad[0]}, but a row is observed from 0 or later until after that: correct "
                "them or leave the row out"
            )
        return None

    return dataclasses.replace(
        judge, check=check, statistics={}, figures=lambda table: iter(()), curves=None, risks=None
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


def checks_of(
    time: str, event: str, last: float = np.inf, causes: Sequence[str] = ("event",)
) -> Callable[..., str | None]:
    """The check of both columns; to learn from, there must be an event of each cause until `last`.

    Args:
        time: name of the column of times.
        event: name of the column of events: 0 censored, 1 .. the number of causes.
        last: time of the last event that is learned from.
        causes: their names.
    """
    known = np.arange(len(causes) + 1)
    named = (
        "events are 1, or 0 where the row is censored"
        if len(causes) == 1
        else "events are "
        + ", ".join(f"{k} ({name})" for k, name in enumerate(causes, 1))
        + ", or 0 where the row is censored"
    )

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
        bad = np.flatnonzero(~np.isin(columns[event], known))
        if bad.size:
            return (
                f"has the event {columns[event][bad[0]]} in row {bad[0]}, but {named}: recode them"
            )
        if not training:
            return None
        seen = np.isin(known[1:], columns[event][columns[time] <= last])
        if not seen.all():
            until = f" until {last:g}, the last of times" if np.isfinite(last) else ""
            of = "" if len(causes) == 1 else f" of {causes[int(np.argmin(seen))]}"
            return (
                f"has no event{of}{until}, so nothing can be learned{' of it' if of else ''}: use "
                f"{'later times or ' if until else ''}other rows"
            )
        return None

    return check


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


def _harrell(table: Columns, at: CurvesAt, weights: np.ndarray | None) -> Any:
    """The risk is the sum of the cumulative hazards at the times of the events."""
    times, counts = np.unique(table["time"][table["event"] == 1], return_counts=True)
    if not len(times):
        return undefined(weights)
    risk = -np.log(at(table, times).clip(_LEAST, 1)) @ counts
    return metrics.harrell_c(table["time"], table["event"], risk, weights)
