"""A lower bound on the time until an event, with a promised coverage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.survival_rows import model_curves, survival_rows
from jaxmed.metrics.censoring import censoring_of
from jaxmed.metrics.survival_arguments import probability_per_row, time_and_event
from jaxmed.metrics.survival_interpolation import own_survival
from jaxmed.metrics.weighted import as_columns
from jaxmed.tasks import Judge, Model
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import Array, Columns, Float, Num, Outputs


def conformal_time(model: Model, calibration: Columns | Source, *, coverage: float = 0.9) -> Model:
    """The model that also says before which time an event is unlikely.

        P(time of the event >= least_time) >= coverage

    The bound of a row is the time at which its predicted probability of an event reaches a level,
    which is chosen so that few enough calibration rows had their event before their bound
    (`event_level`). The curves need not be right: wrong ones give early bounds.

    Censored rows are replaced by others, weighted. So the promise holds up to the error of the
    estimated censoring, which vanishes with more rows, and only if censoring depends neither on the
    event nor on the row. Where sicker patients are lost earlier, it does not hold. It is a promise
    about the mean over patients like those of the calibration rows, not about each patient.

    Args:
        model: that predicts curves of survival.
        calibration: rows that it was not trained on, nor chosen or calibrated by.
        coverage: promised share of rows, in (0, 1).

    Returns:
        The model. `least_time` [rows] is a further output, at most the last end of its curves, and
        part of the answers.

    Raises:
        ValueError: if the model predicts no curves, or the rows are too few for the coverage.

    References:
        Candes, Lei and Ren, Conformalized survival analysis, 2023 (the bound, for known times of
        censoring); Davidov, Feldman, Shamai, Kimmel and Romano, Conformalized survival analysis for
        general right-censored data, 2025 (weights of uncensored rows).
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    curves = model_curves(model, "a lower bound on time")
    checks.fraction("coverage", coverage, below_one=True, above_zero=True)
    seen = survival_rows(model, calibration, curves.observed, curves.survival, name="calibration")
    reached = 1 - own_survival(seen.predicted, curves.ends, seen.time)
    level = event_level(seen.time, seen.event, reached, coverage=coverage)

    def change(values: Mapping[str, Any], outputs: Outputs) -> Outputs:
        bound = _time_of_level(curves.survival(outputs), curves.ends, values["event_level"])
        return {**outputs, "least_time": bound}

    values = {"event_level": np.float32(level)}
    return with_outputs(model, values, change, _judge(model.task.judge))


def event_level(
    time: Num[np.ndarray, " rows"],
    event: Num[np.ndarray, " rows"],
    reached: Float[np.ndarray, " rows"],
    *,
    coverage: float,
) -> float:
    """The greatest level of predicted probability that few enough rows had their event before.

        (sum over events with reached_i < level of 1 / G(time_i) + 1 / G_least) / (rows + 1)
            <= 1 - coverage

    with G the probability of not being censored before a time, by Kaplan-Meier, and G_least its
    least value at an event, for the row that is to come.

    Args:
        time: [rows], of the event or of censoring.
        event: [rows], 1 or 0.
        reached: [rows], predicted probability of an event until `time`, in [0, 1].
        coverage: in (0, 1).

    Returns:
        The level, in [0, 1].

    Raises:
        ValueError: if shapes disagree, or there are too few rows for the coverage.
    """
    time, event = time_and_event(time, event)
    reached = probability_per_row("reached", reached, len(time))
    checks.fraction("coverage", coverage, below_one=True, above_zero=True)
    died = event == 1
    kept = censoring_of(time, event, as_columns(None, len(time)), None, None, 1)
    weights = 1 / kept.at(time[died])[:, 0]
    order = np.argsort(reached[died], kind="stable")
    levels, weights = np.asarray(reached)[died][order], weights[order]
    allowed = (1 - coverage) * (len(time) + 1) - weights.max(initial=1)
    if allowed < 0:
        raise ValueError(
            f"coverage is {coverage:g}, which {len(time)} rows with {int(died.sum())} events are "
            "too few for: use more rows or a lower coverage."
        )
    summed = np.cumsum(weights)
    beyond = np.flatnonzero(summed > allowed)
    return 1.0 if not beyond.size else float(levels[beyond[0]])


def _time_of_level(survival: Array, ends: np.ndarray, level: Array) -> Array:
    """The time at which the probability of an event reaches a level, [batch].

    The hazard is constant between the ends, as in `metrics.survival_at`.
    """
    bounds = jnp.asarray(np.append(0, ends), jnp.float32)
    hazard = -jnp.log(jnp.clip(survival, 1e-30, 1))
    hazard = jnp.concatenate([jnp.zeros_like(hazard[:, :1]), hazard], axis=1)
    wanted = -jnp.log1p(-level)
    passed = (hazard[:, 1:] < wanted).sum(1)  # intervals that end before it
    after = jnp.minimum(passed + 1, len(ends))
    first = jnp.take_along_axis(hazard, passed[:, None], 1)[:, 0]
    second = jnp.take_along_axis(hazard, after[:, None], 1)[:, 0]
    share = jnp.where(after > passed, (wanted - first) / jnp.maximum(second - first, 1e-30), 0.0)
    return bounds[passed] + jnp.clip(share, 0, 1) * (bounds[after] - bounds[passed])


def _judge(judge: Judge) -> Judge:
    """The judge whose tables and answers also tell the bound."""
    return dataclasses.replace(
        judge,
        table=lambda columns, outputs: {
            **judge.table(columns, outputs),
            "least_time": outputs["least_time"],
        },
        answer=lambda outputs: {**judge.answer(outputs), "least_time": outputs["least_time"]},
    )
