"""Time until an event by a hazard that is constant within each interval of time.

Unlike in discrete time, a row that is censored within an interval counts for the part of it that it
was observed. Where many rows are censored in long intervals, discrete hazards are too high, and
these are right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.survival_judge import curve_outputs, periods_judge, survival_judge
from jaxmed.tasks.task import Task
from jaxmed.tasks.time_intervals import checked_ends, polynomials
from jaxmed.typing import Array, Batch, Columns, Float, Num, Outputs, Tree


def piecewise_hazard(
    network: Network,
    *,
    inputs: Inputs,
    times: Sequence[float] | Num[np.ndarray, " times"],
    time: str = "time",
    event: str = "event",
    start: str | None = None,
    degree: int | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The hazard per unit of time in each interval, for those who have reached it.

        log h_k = log(events_k / exposure_k) + f_k

    events_k and exposure_k, the sum of the times that rows spent in interval k, are counted from
    the training rows; the network gives f_k. With a `degree` it gives the coefficients of a
    polynomial of time instead, as in `discrete_time_survival`; degree 0 are proportional hazards.

        S(t) = exp(-integral of h from 0 to t)

    Args:
        network: gives [batch, times]; with a degree [batch, degree + 1].
        inputs: what the network reads of a batch.
        times: ends of the intervals, the first of which begins at 0, strictly increasing, in the
            unit of the column of times. What happens after the last one is not predicted.
        time: the column of times of the event or of the end of observation, at least 0.
        event: the column that says whether it was the event, 1, or not, 0 (censored).
        start: the column of times at which a row begins to be observed, below its time; by default
            0 for all. A patient whose covariates change has a row for each period, one after the
            other, with a `group`; only the last one may have an event. What is observed late has
            survived until then, and says nothing of earlier times.
        degree: of the polynomials of time, less than the number of intervals.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` [batch, times], the logarithms of the hazards, `survival`
        [batch, times] and `mean_time` [batch], as if the covariates of a row had been there from 0
        on, and judged as `discrete_time_survival` is. With a `start` rows are periods and not
        patients, so the judge has no statistics, and evaluation gives the mean loss: judge patients
        by those under observation at a landmark (`data.landmark_rows`).

    Raises:
        ValueError: if `times` do not increase, the degree is too high or a name is empty; when it
            is first traced, for a network of another width.

    References:
        Friedman, Piecewise exponential models for survival data with covariates, 1982; Kvamme and
        Borgan, Continuous and discrete-time survival prediction with neural networks, 2021 (the
        method "PC-Hazard").
    """
    ends = checked_ends(times)
    checks.text("time", time)
    checks.text("event", event)
    if start is not None:
        checks.text("start", start)
    if degree is not None:
        degree = checks.whole("degree", degree, least=0, most=len(ends) - 1)
    lengths = np.diff(ends, prepend=0.0)
    shapes = None if degree is None else polynomials(len(ends), degree)

    def decode(constants: Tree, found: Array) -> Outputs:
        log_hazard = constants["log_hazard"][None] + (found if shapes is None else found @ shapes)
        passed = jnp.cumsum(jnp.exp(log_hazard) * lengths.astype(np.float32)[None], axis=1)
        return {"logits": log_hazard, **curve_outputs(jnp.exp(-passed), ends)}

    def sums(columns: Columns) -> Tree:
        begun = None if start is None else columns[start].astype(np.float64)
        had, exposure = _spent(np, columns[time].astype(np.float64), columns[event], ends, begun)
        return {"events": had.sum(0, dtype=np.float64), "exposure": exposure.sum(0)}

    def constants(sums: Tree) -> Tree:
        # Half an event in each, and as much exposure as it takes on average.
        overall = sums["events"].sum() / max(sums["exposure"].sum(), np.finfo(np.float64).tiny)
        rate = (sums["events"] + 0.5) / (sums["exposure"] + 0.5 / overall)
        return {"log_hazard": np.log(rate).astype(np.float32)}

    def targets(batch: Batch) -> tuple[Array, ...]:
        names = (time, event) if start is None else (time, event, start)
        return tuple(jnp.asarray(batch[name], jnp.float32) for name in names)

    return supervised(
        network,
        width=len(ends) if degree is None else degree + 1,
        inputs=inputs,
        decode=Fitted(decode, Counts(sums, constants)),
        loss=lambda log_hazard, target: piecewise_hazard_loss(log_hazard, *target, ends=ends),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=survival_judge(ends, time, event)
        if start is None
        else periods_judge(survival_judge(ends, time, event), start, time),
    )


def piecewise_hazard_loss(
    log_hazard: Float[Array, "batch times"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    start: Float[Array, " batch"] | None = None,
    *,
    ends: Num[np.ndarray, " times"],
) -> Float[Array, " batch"]:
    """Negative log likelihood of hazards that are constant within intervals, [batch].

        sum_k h_k (time spent in k) - event log h_k'

    where k' is the interval of the event; an event after the last end counts as censored there.

    Args:
        log_hazard: log h per unit of time.
        time: of the event or of censoring, at least 0.
        event: 1 or 0.
        start: of the observation, below `time`; by default 0.
        ends: of the intervals, strictly increasing; an event at an end lies in the interval that
            ends there.

    References:
        Friedman 1982, section 2.
    """
    had, exposure = _spent(jnp, time, event, ends.astype(np.float32), start)
    return (jnp.exp(log_hazard) * exposure - jnp.where(had, log_hazard, 0)).sum(1)


def _spent(
    numbers: Any, time: Any, event: Any, ends: np.ndarray, start: Any = None
) -> tuple[Any, Any]:
    """Where a row had its event, and the time it was observed in each interval, [rows, times].

    Args:
        numbers: `numpy` or `jax.numpy`.
        time: [rows].
        event: [rows].
        ends: [times].
        start: [rows], of the observation; by default 0.
    """
    starts = np.concatenate([[0], ends[:-1]]).astype(ends.dtype)
    time = numbers.asarray(time)[:, None]
    begun = (starts[None] < time) | (starts[None] == 0)  # time 0 lies in the first
    had = (event[:, None] > 0) & begun & (time <= ends[None])

    def until(moment: Any) -> Any:
        return numbers.clip(moment - starts[None], 0, (ends - starts)[None])

    spent = until(time)
    return had, spent if start is None else spent - until(numbers.asarray(start)[:, None])
