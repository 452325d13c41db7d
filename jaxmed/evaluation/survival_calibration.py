"""Curves of survival that agree with what is observed, calibrated on validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.survival_rows import model_curves, survival_rows
from jaxmed.metrics.survival_arguments import one_per_row, time_and_event
from jaxmed.metrics.survival_interpolation import own_survival
from jaxmed.tasks import Model
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import Columns, Num, Outputs

_LEAST_EVENTS = 10
_LEAST_HAZARD = 1e-6  # of a row: no power of 0 is wanted
_POWERS = (0.05, 20.0)


def calibrated_survival(model: Model, validation: Columns | Source) -> Model:
    """The model with calibrated curves of survival; the order of the rows stays.

        H'(t | x) = a H(t | x)^b,   H = -log S

    If the curves are right, the cumulative hazards of the rows at their own times are censored
    draws from the exponential distribution (Cox and Snell). Here they are given a Weibull
    distribution, whose scale and shape are a and b. At each time, H' rises with H: Antolini's C is
    unchanged.

    Args:
        model: that predicts curves of survival.
        validation: rows that it was not trained on, of the population it is to be used in.

    Returns:
        The model. a and b are values of it, `survival_scale` and `survival_power`.

    Raises:
        ValueError: if the model predicts no curves, there are fewer than 10 events, or the rows
            cannot be used.

    References:
        Cox and Snell, A general definition of residuals, 1968; van Houwelingen, Validation,
        calibration, revision and combination of prognostic survival models, 2000 (the slope of the
        linear predictor, here b, and Weibull calibration).
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    curves = model_curves(model, "calibration of survival")
    seen = survival_rows(model, validation, curves.observed, curves.survival, name="validation")
    hazard = -np.log(own_survival(seen.predicted, curves.ends, seen.time))
    scale, power = fit_hazard_calibration(hazard, seen.event)

    def change(values: Mapping[str, Any], outputs: Outputs) -> Outputs:
        own = -jnp.log(jnp.clip(curves.survival(outputs), 1e-30, 1))
        changed = values["survival_scale"] * own ** values["survival_power"]
        return curves.replaced(outputs, jnp.exp(-changed))

    values = {"survival_scale": np.float32(scale), "survival_power": np.float32(power)}
    return with_outputs(model, values, change, model.task.judge)


def fit_hazard_calibration(
    hazard: Num[np.ndarray, " rows"], event: Num[np.ndarray, " rows"]
) -> tuple[float, float]:
    """The most likely a and b of a H^b, for cumulative hazards H of rows at their own times.

        sum_i event_i (log a + log b + (b - 1) log H_i) - a H_i^b

    Args:
        hazard: [rows], H, at least 0; less than 1e-6 counts as that.
        event: [rows], 1 or 0.

    Returns:
        a, and b from 0.05 to 20.

    Raises:
        ValueError: if there are fewer than 10 events or a number is not finite.
    """
    hazard, event = time_and_event(hazard, event, names=("hazard", "event"))
    events = int(event.sum())
    if events < _LEAST_EVENTS:
        raise ValueError(
            f"event has {events} events, but calibration needs at least {_LEAST_EVENTS}: use more "
            "validation rows."
        )
    logs = np.log(one_per_row("hazard", hazard, len(event)).clip(_LEAST_HAZARD))
    mean_log = logs[event == 1].mean()

    def slope(power: float) -> float:
        """Of the likelihood per event, at the best a for this b."""
        weights = np.exp(power * (logs - logs.max()))
        return 1 / power + mean_log - float(weights @ logs / weights.sum())

    low, high = _POWERS
    for _ in range(100):  # the slope falls in b: halve
        middle = np.sqrt(low * high)
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    power = float(np.sqrt(low * high))
    return events / float(np.exp(power * logs).sum()), power
