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
from jaxmed.tasks.survival_judge import checks_of, observed, survival_judge
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Float


def proportional_hazards(
    network: Network,
    *,
    inputs: Inputs,
    time: str = "time",
    event: str = "event",
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

    def targets(batch: Batch) -> tuple[Array, ...]:
        columns = (batch[time], batch[event], batch["mask"])
        return tuple(jnp.asarray(column, jnp.float32) for column in columns)

    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=lambda found: {"logits": found, "log_hazard_ratio": found[:, 0]},
        loss=lambda logits, target: partial_likelihood_loss(logits[:, 0], *target),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=_judge(time, event),
    )


def partial_likelihood_loss(
    log_ratio: Float[Array, " batch"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    mask: Float[Array, " batch"],
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

    Returns:
        [batch]; the rows at risk are those of all devices that share the batch. Memory grows with
        the square of the batch.

    References:
        Efron, The efficiency of Cox's likelihood function for censored data, 1977, section 3.
    """
    is_event = (event > 0) & (mask > 0)
    every = {
        name: gathered(column)
        for name, column in {"f": log_ratio, "t": time, "e": is_event, "real": mask > 0}.items()
    }
    largest = jax.lax.stop_gradient(jnp.where(every["real"], every["f"], -jnp.inf).max())
    largest = jnp.where(jnp.isfinite(largest), largest, 0.0)
    weight = jnp.where(every["real"], jnp.exp(every["f"] - largest), 0.0)
    all_places = jnp.arange(len(weight))
    own = first_row(len(log_ratio)) + jnp.arange(len(log_ratio))

    at_risk = every["t"][None] >= time[:, None]
    tied = (every["t"][None] == time[:, None]) & every["e"][None]
    ties = jnp.maximum(tied.sum(1), 1)
    earlier = (tied & (all_places[None] < own[:, None])).sum(1)
    left = at_risk @ weight - earlier / ties * (tied @ weight)
    # Of tied events each has one of the terms; all get their mean, whatever their order.
    term = gathered(jnp.where(is_event, jnp.log(jnp.where(is_event, left, 1.0)), 0.0))
    mean_term = tied @ term / ties
    return jnp.where(is_event, mean_term + largest - log_ratio, 0.0)


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
