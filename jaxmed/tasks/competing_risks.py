"""Time until the first of several kinds of events, such as deaths from different causes.

A patient who has died of cancer will not have a stroke. To count such patients as censored makes
the probability of a stroke too high; here every cause has its own hazard, and the probabilities of
all causes and of none of them sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks.competing_judge import competing_judge
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.tasks.time_intervals import checked_ends, passed_intervals, polynomials
from jaxmed.typing import Array, Batch, Columns, Float, Num, Outputs, Tree


def competing_risks(
    network: Network,
    *,
    inputs: Inputs,
    times: Sequence[float] | Num[np.ndarray, " times"],
    causes: Sequence[str],
    time: str = "time",
    cause: str = "cause",
    degree: int | None = None,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """The probability of an event of each cause in each interval of time, for those who reach it.

        h_kj = exp(f_kj) / (1 + sum_i exp(f_ki))

    is the hazard of cause j in interval k, of which the network gives f_kj. The loss is
    `competing_risks_loss`. Survival and the cumulative incidences follow:

        S_k = prod_{l <= k} (1 - sum_j h_lj),   F_kj = sum_{l <= k} S_{l-1} h_lj

    so that S_k + sum_j F_kj = 1. With a `degree` the network gives the coefficients of a polynomial
    of time per cause, which change the f_kj that are counted from the training rows, as in
    `discrete_time_survival`. Intervals then cost no parameters: short ones keep hazards from being
    too high where many rows are censored.

    Args:
        network: gives [batch, causes * times], with a degree [batch, causes * (degree + 1)]; the
            numbers of a cause lie together.
        inputs: what the network reads of a batch.
        times: ends of the intervals, as in `discrete_time_survival`.
        causes: their names, at least two, letters, digits and underscores.
        time: the column of times of the first event or of the end of observation, at least 0.
        cause: the column of its cause, 1 .. the number of causes, or 0 (censored).
        degree: of the polynomials of time, less than the number of intervals.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` and `incidence` [batch, times, causes], and `survival`
        [batch, times]. It is judged by Antolini's C, the integrated Brier score and the calibration
        gap of each cause, such as `antolini_c_stroke`.

    Raises:
        ValueError: if `times` do not increase, the degree is too high, or a name is empty or
            doubled; when it is first traced, for a network of another width.

    References:
        Tutz and Schmid, Modeling Discrete Time-to-Event Data, 2016, chapter 8; Lee, Zame, Yoon and
        van der Schaar, DeepHit, 2018, section 2 (cumulative incidence).
    """
    ends = checked_ends(times)
    checks.text("time", time)
    checks.text("cause", cause)
    names = _checked_causes(causes)
    if degree is not None:
        degree = checks.whole("degree", degree, least=0, most=len(ends) - 1)
    per_cause = len(ends) if degree is None else degree + 1

    def by_cause(found: Array) -> Array:
        return found.reshape(found.shape[0], len(names), per_cause)

    def decode(logits: Float[Array, "batch causes times"]) -> Outputs:
        logits = logits.swapaxes(1, 2)
        none, of_causes = _log_hazards(logits)
        survival = jnp.exp(jnp.cumsum(none, axis=1))
        before = jnp.concatenate([jnp.ones_like(survival[:, :1]), survival[:, :-1]], axis=1)
        incidence = jnp.cumsum(before[..., None] * jnp.exp(of_causes), axis=1)
        return {"logits": logits, "survival": survival, "incidence": incidence}

    def smooth(baseline: Array, found: Array) -> Outputs:
        assert degree is not None
        return decode(baseline[None] + by_cause(found) @ polynomials(len(ends), degree))

    def targets(batch: Batch) -> tuple[Array, Array]:
        return jnp.asarray(batch[time], jnp.float32), jnp.asarray(batch[cause], jnp.int32)

    return supervised(
        network,
        width=len(names) * per_cause,
        inputs=inputs,
        decode=(lambda found: decode(by_cause(found)))
        if degree is None
        else _from_baseline(smooth, ends, len(names), time, cause),
        loss=lambda logits, target: competing_risks_loss(logits, *target, ends=ends),
        targets=targets,
        metrics={} if metrics is None else metrics,
        judge=competing_judge(ends, names, time, cause),
    )


def competing_risks_loss(
    logits: Float[Array, "batch times causes"],
    time: Float[Array, " batch"],
    cause: Num[Array, " batch"],
    *,
    ends: Num[np.ndarray, " times"],
) -> Float[Array, " batch"]:
    """Negative log likelihood of discrete hazards of several causes, [batch].

        -log h_kj - sum_l log(1 - sum_i h_li)

    where k and j are interval and cause of the event, and l are the intervals before it. A censored
    row counts those that end at or before its time, and an event after the last interval those of
    all. Without covariates its least value is at the hazards of Aalen and Johansen's estimate,
    where every time of an event is an end.

    Args:
        logits: f, of the hazards h.
        time: of the event or of censoring, at least 0.
        cause: 1 .. causes, or 0 (censored).
        ends: of the intervals, strictly increasing; an event at an end lies in the interval that
            ends there.

    References:
        Tutz and Schmid 2016, section 8.3.
    """
    has_event, survived = passed_intervals(jnp, time, cause, ends.astype(np.float32))
    none, of_causes = _log_hazards(logits)
    numbers = jnp.arange(1, logits.shape[-1] + 1)
    chosen = has_event[..., None] & (cause[:, None, None] == numbers[None, None])
    return -(jnp.where(chosen, of_causes, 0).sum((1, 2)) + jnp.where(survived, none, 0).sum(1))


def _log_hazards(logits: Float[Array, "batch times causes"]) -> tuple[Array, Array]:
    """Logarithms of the probabilities of no event [batch, times] and of each cause, of an interval.

    Args:
        logits: those of no event are 0.
    """
    every = jax.nn.log_softmax(jnp.pad(logits, ((0, 0), (0, 0), (1, 0))))
    return every[..., 0], every[..., 1:]


def _from_baseline(
    decode: Callable[[Array, Array], Outputs], ends: np.ndarray, causes: int, time: str, cause: str
) -> Fitted:
    """`decode` with the logits [causes, times] that are counted from the training rows."""

    def sums(columns: Columns) -> Tree:
        event = columns[cause]
        has_event, survived = passed_intervals(np, columns[time].astype(np.float64), event, ends)
        events = [has_event[event == k].sum(0, dtype=np.float64) for k in range(1, causes + 1)]
        return {"events": np.stack(events), "survived": survived.sum(0, dtype=np.float64)}

    def constants(sums: Tree) -> Tree:
        # Half a row of each kind, as in `discrete_time_survival`, so that logits are finite.
        odds = (sums["events"] + 0.5) / (sums["survived"] + 0.5)
        return {"logits": np.log(odds).astype(np.float32)}

    return Fitted(
        lambda constants, found: decode(jnp.asarray(constants["logits"]), found),
        Counts(sums, constants),
    )


def _checked_causes(causes: Sequence[str]) -> tuple[str, ...]:
    names = checks.strings("causes", causes)
    named = all(name.isidentifier() for name in names)
    if not named or len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(
            f"causes is {causes!r}, but must be two or more different names of letters, digits and "
            "underscores, such as ('stroke', 'other'); of one cause use "
            "tasks.discrete_time_survival."
        )
    return names
