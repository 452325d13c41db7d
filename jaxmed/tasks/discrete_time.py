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
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.survival_judge import curve_outputs, survival_judge
from jaxmed.tasks.task import Task
from jaxmed.tasks.time_intervals import checked_ends
from jaxmed.typing import Array, Batch, Columns, Float, Num, Outputs, Tree


def discrete_time_survival(
    network: Network,
    *,
    inputs: Inputs,
    times: Sequence[float] | Num[np.ndarray, " times"],
    time: str = "time",
    event: str = "event",
    degree: int | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The probability of an event in each interval of time, for those who have reached it.

    With interval k from times[k - 1] (the first from 0) to times[k], the network gives the logit of
    the hazard h_k = P(T <= times[k] | T > times[k - 1]); no shape of the hazard is assumed, and
    curves may cross. The loss is `hazard_loss`. Survival until times[k] is the product of
    1 - h_j over j <= k.

    With a `degree` the network gives few numbers f_0, ..., f_degree in place of one per interval:

        logit h_k = b_k + sum_m f_m P_m(u_k),   u_k from -1 to 1 in equal steps

    P_m are Legendre's polynomials, and b_k is the logit of the share of training rows whose event
    was in interval k, of those that reached it. Degree 0 are proportional odds. What a feature does
    may then change with time, but smoothly, which needs fewer events to learn.

    Args:
        network: gives logits [batch, times]; with a degree [batch, degree + 1].
        inputs: what the network reads of a batch.
        times: ends of the intervals, strictly increasing, above 0, in the unit of the column of
            times; `interval_ends` chooses them. What happens after the last one is not predicted.
        time: the column of times of the event or of the end of observation, at least 0.
        event: the column that says whether it was the event, 1, or not, 0 (censored).
        degree: of the polynomials of time, less than the number of intervals.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` and `survival` [batch, times], probabilities that do not
        increase, and `mean_time` [batch], the expected time without event until the last of
        `times`, by trapezoids. It is judged as `tasks/survival_judge.py` says: by Antolini's C,
        Harrell's C of `mean_time` and the integrated Brier score.

    Raises:
        ValueError: if `times` do not increase, the degree is too high or a name is empty; when it
            is first traced, for a network of another width.

    References:
        Gensheimer and Narasimhan, A scalable discrete-time survival model for neural networks,
        2019; Kvamme and Borgan, Continuous and discrete-time survival prediction with neural
        networks, 2021 (the method "Logistic Hazard").
    """
    ends = checked_ends(times)
    checks.text("time", time)
    checks.text("event", event)
    if degree is not None:
        degree = checks.whole("degree", degree, least=0, most=len(ends) - 1)

    def decode(logits: Array) -> Outputs:
        survival = jnp.exp(jnp.cumsum(jax.nn.log_sigmoid(-logits), axis=1))
        return {"logits": logits, **curve_outputs(survival, ends)}

    def targets(batch: Batch) -> tuple[Array, Array]:
        return jnp.asarray(batch[time], jnp.float32), jnp.asarray(batch[event], jnp.float32)

    return supervised(
        network,
        width=len(ends) if degree is None else degree + 1,
        inputs=inputs,
        decode=decode if degree is None else _from_baseline(decode, degree, ends, time, event),
        loss=lambda logits, target: hazard_loss(logits, *target, ends=ends),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=survival_judge(ends, time, event),
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
    has_event, survived = _passed(jnp, time, event, ends.astype(np.float32))
    of_events = jnp.where(has_event, jax.nn.log_sigmoid(logits), 0)
    return -(of_events + jnp.where(survived, jax.nn.log_sigmoid(-logits), 0)).sum(1)


def _from_baseline(
    decode: Callable[[Array], Outputs], degree: int, ends: np.ndarray, time: str, event: str
) -> Fitted:
    """`decode` of counted logits and of polynomials of time with the network's coefficients."""
    places = np.linspace(-1, 1, len(ends))
    shapes = np.polynomial.legendre.legvander(places, degree).T.astype(np.float32)

    def apply(constants: Tree, coefficients: Array) -> Outputs:
        return decode(constants["logits"][None] + coefficients @ shapes)

    def sums(columns: Columns) -> Tree:
        passed = _passed(np, columns[time].astype(np.float64), columns[event], ends)
        return {
            name: rows.sum(0, dtype=np.float64)
            for name, rows in zip(("events", "survived"), passed, strict=True)
        }

    def constants(sums: Tree) -> Tree:
        # Half a row of each kind, so that an interval without events has a finite logit.
        odds = (sums["events"] + 0.5) / (sums["survived"] + 0.5)
        return {"logits": np.log(odds).astype(np.float32)}

    return Fitted(apply, Counts(sums, constants))


def _passed(numbers: Any, time: Any, event: Any, ends: np.ndarray) -> tuple[Any, Any]:
    """Where a row had its event, and which intervals it survived, each [rows, times].

    Args:
        numbers: `numpy` or `jax.numpy`.
        time: [rows].
        event: [rows].
        ends: [times].
    """
    starts = np.concatenate([[-1], ends[:-1]]).astype(ends.dtype)  # time 0 lies in the first
    time = numbers.asarray(time)[:, None]
    has_event = (event[:, None] > 0) & (starts[None] < time) & (time <= ends[None])
    # An event at an end has not survived the interval that ends there.
    return has_event, (ends[None] <= time) & ~has_event
