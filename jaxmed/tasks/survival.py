"""Time until an event, of which some rows are censored: the hazard of each interval of time.

When will a patient relapse? Many are only known to be free of it until their last visit. Such a row
counts for the intervals that it has survived, and says nothing of later ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.metrics import antolini_c, harrell_c, integrated_brier, kaplan_meier
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Judge
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Float, Num, Outputs


def discrete_time_survival(
    network: Network,
    *,
    inputs: Inputs,
    times: Sequence[float] | Num[np.ndarray, " times"],
    time: str = "time",
    event: str = "event",
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The probability of an event in each interval of time, for those who have reached it.

    With interval k from times[k - 1] (the first from 0) to times[k], the network gives the logit of
    the hazard h_k = P(T <= times[k] | T > times[k - 1]); no shape of the hazard is assumed, and
    curves may cross. The loss is `hazard_loss`. Survival until times[k] is the product of
    1 - h_j over j <= k.

    Args:
        network: gives logits [batch, times].
        inputs: what the network reads of a batch.
        times: ends of the intervals, strictly increasing, above 0, in the unit of the column of
            times; `interval_ends` chooses them. What happens after the last one is not predicted.
        time: the column of times of the event or of the end of observation, at least 0.
        event: the column that says whether it was the event, 1, or not, 0 (censored).
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` and `survival` [batch, times], probabilities that do not
        increase, and `mean_time` [batch], the expected time without event until the last of
        `times`, by trapezoids. It is judged by Antolini's C, Harrell's C of `mean_time` and the
        integrated Brier score, over those of `times` that lie before the last time of the rows; the
        first and the last are NaN where fewer than 2 do.

    Raises:
        ValueError: if `times` do not increase or a name is empty; when it is first traced, for a
            network of another width.

    References:
        Gensheimer and Narasimhan, A scalable discrete-time survival model for neural networks,
        2019; Kvamme and Borgan, Continuous and discrete-time survival prediction with neural
        networks, 2021 (the method "Logistic Hazard").
    """
    ends = _checked_ends(times)
    checks.text("time", time)
    checks.text("event", event)
    lengths = np.diff(ends, prepend=0.0).astype(np.float32)

    def decode(logits: Array) -> Outputs:
        survival = jnp.exp(jnp.cumsum(jax.nn.log_sigmoid(-logits), axis=1))
        before = jnp.concatenate([jnp.ones_like(survival[:, :1]), survival[:, :-1]], axis=1)
        mean_time = ((before + survival) / 2 * lengths[None]).sum(1)
        return {"logits": logits, "survival": survival, "mean_time": mean_time}

    def targets(batch: Batch) -> tuple[Array, Array]:
        return jnp.asarray(batch[time], jnp.float32), jnp.asarray(batch[event], jnp.float32)

    return supervised(
        network,
        width=len(ends),
        inputs=inputs,
        decode=decode,
        loss=lambda logits, target: hazard_loss(logits, *target, ends=ends),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=_judge(ends, time, event),
    )


def hazard_loss(
    logits: Float[Array, "batch times"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    *,
    ends: Num[np.ndarray, " times"],
) -> Float[Array, " batch"]:
    """Negative log likelihood of discrete hazards, [batch].

        -event log h_k - sum_j log(1 - h_j)

    where k is the interval of the event, and j are the intervals before it. A censored row counts
    those that end at or before its time, and an event after the last interval those of all.

    Args:
        logits: of the hazards h.
        time: of the event or of censoring, at least 0.
        event: 1 or 0.
        ends: of the intervals, strictly increasing; an event at an end lies in the interval that
            ends there.

    References:
        Kvamme and Borgan 2021, negative log likelihood of "Logistic Hazard"; times of events are
        rounded up to an end, those of censoring down.
    """
    until = jnp.asarray(ends, logits.dtype)[None]
    starts = jnp.pad(
        until[:, :-1], ((0, 0), (1, 0)), constant_values=-1
    )  # time 0 lies in the first
    time = time[:, None]
    has_event = (event[:, None] > 0) & (starts < time) & (time <= until)
    # An event at an end has not survived the interval that ends there.
    survived = (until <= time) & ~has_event
    of_events = jnp.where(has_event, jax.nn.log_sigmoid(logits), 0)
    return -(of_events + jnp.where(survived, jax.nn.log_sigmoid(-logits), 0)).sum(1)


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


def _checked_ends(times: Any) -> np.ndarray:
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


def _judge(ends: np.ndarray, time: str, event: str) -> Judge:
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
        bad = np.flatnonzero(~(columns[time] >= 0))
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
        if training and not (columns[event][columns[time] <= ends[-1]] == 1).any():
            return (
                f"has no event until {ends[-1]:g}, the last of times, so nothing can be learned: "
                "use later times or other rows"
            )
        return None

    def table(columns: Columns, outputs: Columns) -> Columns:
        observed = {"time": columns[time].astype(np.float64), "event": columns[event].astype(int)}
        return {**observed, "mean_time": outputs["mean_time"], "survival": outputs["survival"]}

    return Judge(
        check=check,
        table=table,
        statistics={
            "antolini_c": _of_curves(antolini_c, ends),
            "harrell_c": _of_means,
            "integrated_brier": _of_curves(integrated_brier, ends),
        },
        answer=lambda outputs: {name: outputs[name] for name in ("mean_time", "survival")},
        strata=lambda columns: np.asarray(columns[event], np.int64),
        names={"survival": [f"{end:g}" for end in ends]},
        scores=lambda outputs: -outputs["mean_time"][:, None],
    )


def _of_means(table: Columns, weights: np.ndarray | None) -> Any:
    """Harrell's C of a table: an earlier mean time is a higher risk."""
    return harrell_c(table["time"], table["event"], -table["mean_time"].astype(float), weights)


def _of_curves(statistic: Callable[..., Any], ends: np.ndarray) -> Callable[..., Any]:
    """A statistic over those of the ends at which some row is still observed."""

    def of(table: Columns, weights: np.ndarray | None) -> Any:
        seen = ends < table["time"].max()
        if seen.sum() < 2:
            return np.nan if weights is None else np.full(len(weights), np.nan)
        survival = table["survival"][:, seen].astype(np.float64)
        return statistic(table["time"], table["event"], survival, ends[seen], weights)

    return of
