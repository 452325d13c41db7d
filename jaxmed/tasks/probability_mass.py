"""Time until an event by the probability of each interval, with DeepHit's ranking of rows.

Where only the order of the rows matters, a ranking loss raises concordance; the probabilities then
say less. `piecewise_hazard` predicts both well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import gathered
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.survival_judge import curve_outputs, survival_judge
from jaxmed.tasks.task import Task
from jaxmed.tasks.time_intervals import checked_ends, passed_intervals
from jaxmed.typing import Array, Batch, Float, Num, Outputs


def probability_mass_survival(
    network: Network,
    *,
    inputs: Inputs,
    times: Sequence[float] | Num[np.ndarray, " times"],
    time: str = "time",
    event: str = "event",
    ranking: float = 0.0,
    scale: float = 0.1,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The probability that the event is in each interval, or after the last of them.

        p_k = exp(f_k) / (1 + sum_l exp(f_l)),   S_k = 1 - sum_{l <= k} p_l

    The loss is `mass_loss`, to which `ranking` times `ranking_loss` is added. As the latter
    compares the rows of a batch, private training by gradients of single rows is not possible with
    it.

    Args:
        network: gives f [batch, times].
        inputs: what the network reads of a batch.
        times: ends of the intervals, as in `discrete_time_survival`.
        time: the column of times of the event or of the end of observation, at least 0.
        event: the column that says whether it was the event, 1, or not, 0 (censored).
        ranking: weight of the ranking loss, at least 0; 0 is the method "PMF", others "DeepHit".
        scale: of differences of probabilities in the ranking loss, above 0.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` and `survival` [batch, times] and `mean_time` [batch],
        judged as `discrete_time_survival` is.

    Raises:
        ValueError: if `times` do not increase, a number is out of its range or a name is empty;
            when it is first traced, for a network of another width.

    References:
        Lee, Zame, Yoon and van der Schaar, DeepHit: a deep learning approach to survival analysis
        with competing risks, 2018; Kvamme and Borgan 2021, section 3.1 ("PMF").
    """
    ends = checked_ends(times)
    checks.text("time", time)
    checks.text("event", event)
    checks.at_least("ranking", ranking, 0)
    checks.positive("scale", scale)

    def decode(logits: Array) -> Outputs:
        reached = _log_mass(logits)
        survival = jnp.exp(jax.lax.cumlogsumexp(reached, axis=1, reverse=True))[:, 1:]
        return {"logits": logits, **curve_outputs(jnp.minimum(survival, 1.0), ends)}

    def loss(logits: Array, target: Any) -> Array:
        losses = mass_loss(logits, *target[:2], ends=ends)
        if ranking == 0:
            return losses
        return losses + ranking * ranking_loss(logits, *target, ends=ends, scale=scale)

    def targets(batch: Batch) -> tuple[Array, ...]:
        columns = (batch[time], batch[event], batch["mask"])
        return tuple(jnp.asarray(column, jnp.float32) for column in columns)

    return supervised(
        network,
        width=len(ends),
        inputs=inputs,
        decode=decode,
        loss=loss,
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=survival_judge(ends, time, event),
    )


def mass_loss(
    logits: Float[Array, "batch times"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    *,
    ends: Num[np.ndarray, " times"],
) -> Float[Array, " batch"]:
    """Negative log likelihood of the probabilities of intervals, [batch].

        -event log p_k - (1 - event) log S_c

    where k is the interval of the event, and c the last that ends at or before the time of
    censoring; an event after the last interval counts as censored there.

    Args:
        logits: f.
        time: of the event or of censoring, at least 0.
        event: 1 or 0.
        ends: of the intervals, strictly increasing; an event at an end lies in the interval that
            ends there.

    References:
        Kvamme and Borgan 2021, section 3.1.
    """
    has_event, survived = passed_intervals(jnp, time, event, ends.astype(np.float32))
    places = jnp.arange(len(ends) + 1)[None]
    later = places >= survived.sum(1, keepdims=True)
    own = jnp.pad(has_event, ((0, 0), (0, 1)))
    possible = jnp.where(own.any(1, keepdims=True), own, later)
    return -jax.nn.logsumexp(jnp.where(possible, _log_mass(logits), -jnp.inf), axis=1)


def ranking_loss(
    logits: Float[Array, "batch times"],
    time: Float[Array, " batch"],
    event: Float[Array, " batch"],
    mask: Float[Array, " batch"],
    *,
    ends: Num[np.ndarray, " times"],
    scale: float,
) -> Float[Array, " batch"]:
    """DeepHit's ranking loss, [batch].

        1/n sum_j A_ij exp(-(F_i(k) - F_j(k)) / scale),   F(k) = sum_{l <= k} p_l

    over the n real rows j of the batch; k is the interval of the event of row i. A_ij is 1 if j is
    observed for longer than i, or as long without an event. Rows without an event until the last
    end have 0.

    Args:
        logits: f.
        time: of the event or of censoring.
        event: 1 or 0.
        mask: 1 real, 0 padding, which is compared with none.
        ends: of the intervals.
        scale: above 0.

    References:
        Lee et al. 2018, section 3.3, the second loss, for one cause.
    """
    has_event, _ = passed_intervals(jnp, time, event, ends.astype(np.float32))
    until = jnp.cumsum(jnp.exp(_log_mass(logits))[:, :-1], axis=1)
    every, t, e, real = map(gathered, (until, time, event, mask))
    interval = has_event.argmax(1)
    own = jnp.take_along_axis(until, interval[:, None], axis=1)
    others = every.T[interval]
    longer = (t[None] > time[:, None]) | ((t[None] == time[:, None]) & (e[None] == 0))
    compared = longer & has_event.any(1, keepdims=True) & (real[None] > 0) & (mask[:, None] > 0)
    # Where nothing is compared, the exponent is 0, so that no gradient is infinite.
    terms = jnp.exp(jnp.where(compared, (others - own) / scale, 0.0))
    return jnp.where(compared, terms, 0.0).sum(1) / jnp.maximum(real.sum(), 1)


def _log_mass(logits: Float[Array, "batch times"]) -> Array:
    """Logarithms of the probabilities of the intervals and of later times [batch, times + 1]."""
    return jax.nn.log_softmax(jnp.pad(logits, ((0, 0), (0, 1))))
