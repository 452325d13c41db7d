"""Curves of survival from relative risks: the baseline hazard, counted from training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.survival_rows import survival_rows
from jaxmed.metrics.survival_arguments import increasing_times, one_per_row, time_and_event
from jaxmed.tasks import Model, interval_ends
from jaxmed.tasks.time_intervals import checked_ends
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import Columns, Float, Num, Outputs

_INTERVALS = 100


def with_baseline_hazard(
    model: Model,
    train: Columns | Source,
    *,
    times: Sequence[float] | Num[np.ndarray, " times"] | None = None,
) -> Model:
    """The model with curves of survival: S(t | x) = exp(-H_0(t) exp(f(x))).

    H_0 is counted by `baseline_hazard` from what the model predicts for the training rows, and is
    then a value of the model.

    Args:
        model: of `tasks.proportional_hazards`, as `fit` gives it.
        train: the rows it was trained on. Of other rows, the curves are calibrated to those.
        times: at which survival is predicted, above 0 and increasing; by default the ends of 100
            intervals with as many events each (`tasks.interval_ends`).

    Returns:
        A model that also predicts `survival` [rows, times] and `mean_time` [rows], and is judged
        as `tasks.discrete_time_survival` is.

    Raises:
        ValueError: if the model gives no relative risks, the rows cannot be used, or no event is
            among them.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    risks = model.task.judge.risks
    if risks is None:
        raise ValueError(
            "model gives no relative risks, to which a baseline hazard could be counted: pass one "
            "of tasks.proportional_hazards."
        )
    seen = survival_rows(model, train, risks.observed, risks.log_ratio, name="train")
    ends = (
        interval_ends(seen.time, seen.event, intervals=_INTERVALS)
        if times is None
        else checked_ends(times)
    )
    hazard = baseline_hazard(seen.time, seen.event, seen.predicted, ends)
    judge = risks.judge(ends)
    curves = judge.curves
    assert curves is not None  # what `Risks.judge` promises

    def change(values: Mapping[str, Any], outputs: Outputs) -> Outputs:
        ratio = jnp.exp(risks.log_ratio(outputs))[:, None]
        return curves.replaced(outputs, jnp.exp(-values["baseline_hazard"][None] * ratio))

    return with_outputs(model, {"baseline_hazard": hazard.astype(np.float32)}, change, judge)


def baseline_hazard(
    time: Num[np.ndarray, " rows"],
    event: Num[np.ndarray, " rows"],
    log_ratio: Num[np.ndarray, " rows"],
    times: Num[np.ndarray, " times"],
) -> Float[np.ndarray, " times"]:
    """Cumulative baseline hazard at each time, with Efron's ties.

        H_0(t) = sum over event times s <= t of sum_{l = 0}^{d - 1} 1 / (R - l/d D)

    where d events happened at s, R is the sum of exp(f) over the rows observed at least until s,
    and D that over the rows with an event at s. Without ties it is Breslow's estimate.

    Args:
        time: [rows], at least 0.
        event: [rows], 1 or 0.
        log_ratio: [rows], f, logarithms of hazard ratios.
        times: [times], increasing.

    Returns:
        [times], at least 0, not decreasing.

    Raises:
        ValueError: if there is no event, a number is not finite, or `times` do not increase.

    References:
        Breslow, discussion of Cox 1972; Efron 1977; Therneau and Grambsch, Modeling Survival Data,
        2000, section 10.4 (the estimate with Efron's ties).
    """
    time, event = time_and_event(time, event)
    log_ratio = one_per_row("log_ratio", log_ratio, len(time))
    times = increasing_times(times)
    if not event.any():
        raise ValueError("event has no 1, so there is no hazard to count: use other rows.")
    died = time[event == 1]
    largest = log_ratio.max()
    ratio = np.exp(log_ratio - largest)
    order = np.argsort(-time, kind="stable")
    until = np.cumsum(ratio[order])  # over rows observed at least as long, ties included below
    moments, deaths = np.unique(died, return_counts=True)
    at_risk = until[np.searchsorted(-time[order], -moments, side="right") - 1]
    dying = np.zeros(len(moments))
    np.add.at(dying, np.searchsorted(moments, died), ratio[event == 1])
    steps = np.array(
        [
            (1 / (risk - np.arange(count) / count * own)).sum()
            for risk, own, count in zip(at_risk, dying, deaths, strict=True)
        ]
    )
    summed = np.concatenate([[0.0], np.cumsum(steps)]) * np.exp(-largest)
    return summed[np.searchsorted(moments, times, side="right")]
