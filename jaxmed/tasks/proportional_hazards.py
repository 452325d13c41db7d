"""Time until an event by Cox's proportional hazards: a network gives the logarithm of the hazard.

The hazard of row i is h_0(t) exp(f(x_i)). Only the order of the events enters the loss, so nothing
is assumed of the baseline hazard h_0, which is counted afterwards:

    fitted = jm.fit(tasks.proportional_hazards(network, inputs=inputs), optimizer, train, ...)
    model = jm.evaluation.with_baseline_hazard(fitted.model, train)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import first_row, gathered
from jaxmed.metrics import harrell_c
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.judge import Judge, Risks
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.survival_judge import checks_of, observed, periods_judge, survival_judge
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Float


def proportional_hazards(
    network: Network,
    *,
    inputs: Inputs,
    time: str = "time",
    event: str = "event",
    start: str | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The logarithm of the hazard ratio, by Cox's partial likelihood of each batch.

    The loss is `partial_likelihood_loss`, in which an event is compared with the rows of its batch
    that are still at risk. A batch is thus a sample of each risk set: gradients are those of a
    likelihood with fewer rows at risk, and have the same maximum in expectation only approximately.
    Batches of 128 rows or more lose little; one batch of all rows is Cox's own likelihood. Each row
    then depends on others of its batch, so private training by gradients of single rows is not
    possible.

    Args:
        network: gives one number [batch, 1].
        inputs: what the network reads of a batch.
        time: the column of times of the event or of the end of observation, at least 0.
        event: the column that says whether it was the event, 1, or not, 0 (censored).
        start: the column of times at which a row begins to be observed, as in `piecewise_hazard`; a
            row is at risk of the events after it.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the output `log_hazard_ratio` [batch], judged by Harrell's C. Curves of survival
        come with `evaluation.with_baseline_hazard`.

    Raises:
        ValueError: if a name is empty; when it is first traced, for a network of another width.

    References:
        Cox, Regression models and life-tables, 1972; Katzman et al., DeepSurv, 2018; Kvamme, Borgan
        and Scheel, Time-to-event prediction with neural networks and Cox regression, 2019, section
        3 (batches as risk sets).
    """
    checks.text("time", time)
    checks.text("event", event)
    if start is not None:
        checks.text("start", start)

    def targets(batch: Batch) -> tuple[Array, ...]:
        columns = [batch[time], batch[event], batch["mask"]]
        if start is not None:
            columns.append(batch[start])
        return tuple(jnp.asarray(column, jnp.float32) for column in columns)

    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=lambda found: {"logits": found, "log_hazard_ratio": found[:, 0]},
        loss=lambda logits, target: partial_likelihood_loss(logits[:, 0], *target),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=_judge(time, event)
        if start is None
        else periods_judge(_judge(time, event), start, time),
    )


def partial_likelihood_loss(
    log_ratio: Float[Array, " batch"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    mask: Float[Array, " batch"],
    start: Float[Array, " batch"] | None = None,
) -> Float[Array, " batch"]:
    """Negative logarithm of Cox's partial likelihood, one term per event, with Efron's ties.

    Of an event at time t, with d events there, R the sum of exp(f) over the rows observed at least
    until t, and D that over the rows with an event at t:

        -f_i + 1/d sum_{l = 0}^{d - 1} log(R - l/d D)

    Censored rows have 0. The sum over the rows is Efron's approximation; without ties it is exact.

    Args:
        log_ratio: f, logarithms of hazard ratios.
        time: of the event or of censoring.
        event: 1 or 0.
        mask: 1 real, 0 padding, which is never at risk.
        start: of the observation of a row, which is at risk of events after it; by default always.

    Returns:
        [batch]; the rows at risk are those of all devices that share the batch.

    References:
        Efron, The efficiency of Cox's likelihood function for censored data, 1977, section 3.
    """
    own = first_row(len(log_ratio)) + jnp.arange(len(log_ratio))
    f, t, e, real = map(gathered, (log_ratio, time, event, mask))
    is_event, real = (e > 0) & (real > 0), real > 0
    largest = jax.lax.stop_gradient(jnp.where(real, f, -jnp.inf).max())
    largest = jnp.where(jnp.isfinite(largest), largest, 0.0)

    order = jnp.argsort(t)
    t, f, is_event, real = (column[order] for column in (t, f, is_event, real))
    weight = jnp.where(real, jnp.exp(f - largest), 0.0)
    first = jnp.searchsorted(t, t)  # of the rows with the same time

    def over_ties(values: Array) -> Array:
        return jax.ops.segment_sum(values, first, len(t), indices_are_sorted=True)[first]

    at_risk = jnp.cumsum(weight[::-1])[::-1][first]
    if start is not None:
        begins = gathered(start)[order]
        late = jnp.argsort(begins)
        not_yet = jnp.append(jnp.cumsum(weight[late][::-1])[::-1], 0.0)
        at_risk -= not_yet[jnp.searchsorted(begins[late], t)]
    tied = over_ties(jnp.where(is_event, weight, 0.0))
    ties = jnp.maximum(over_ties(is_event.astype(jnp.int32)), 1)
    before = jnp.cumsum(is_event) - is_event
    left = at_risk - (before - before[first]) / ties * tied
    # Of tied events each has one of the terms; all get their mean, whatever their order.
    term = jnp.where(is_event, jnp.log(jnp.where(is_event, left, 1.0)), 0.0)
    losses = jnp.where(is_event, over_ties(term) / ties + largest - f, 0.0)
    return jnp.zeros_like(losses).at[order].set(losses)[own]


def _judge(time: str, event: str) -> Judge:
    def statistic(table: Columns, weights: np.ndarray | None) -> Any:
        return harrell_c(table["time"], table["event"], table["log_hazard_ratio"], weights)

    return Judge(
        check=checks_of(time, event),
        table=lambda columns, outputs: {
            **observed(columns, time, event),
            "log_hazard_ratio": outputs["log_hazard_ratio"],
        },
        statistics={"harrell_c": statistic},
        answer=lambda outputs: {"log_hazard_ratio": outputs["log_hazard_ratio"]},
        strata=lambda columns: np.asarray(columns[event], np.int64),
        scores=lambda outputs: outputs["log_hazard_ratio"][:, None],
        risks=Risks(
            observed=lambda columns: observed(columns, time, event),
            log_ratio=lambda outputs: outputs["log_hazard_ratio"],
            judge=lambda ends: survival_judge(ends, time, event),
        ),
    )
