"""Times, events and predictions of a split, for what is fitted to them after training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxmed.data.source import Source
from jaxmed.evaluation.predict import predictions
from jaxmed.tasks import Curves, Model
from jaxmed.typing import Columns, Outputs


class SurvivalRows(NamedTuple):
    """What was observed of a split, and what was predicted.

    Attributes:
        time: [rows], float64.
        event: [rows], 0 or 1.
        predicted: [rows, ...], float64.
    """

    time: np.ndarray
    event: np.ndarray
    predicted: np.ndarray


def model_curves(model: Model, purpose: str) -> Curves:
    """How the model's curves of survival are read.

    Args:
        model: any.
        purpose: what needs it, such as "calibration of survival".

    Raises:
        ValueError: if its answer is something else.
    """
    found = model.task.judge.curves
    if found is None:
        raise ValueError(
            f"model gives no curves of survival, which {purpose} needs: use a model of "
            "tasks.discrete_time_survival, or of tasks.proportional_hazards with a baseline hazard "
            "(evaluation.with_baseline_hazard)."
        )
    return found


def survival_rows(
    model: Model,
    data: Columns | Source,
    observed: Callable[[Columns], dict[str, np.ndarray]],
    predicted: Callable[[Outputs], Any],
    *,
    name: str,
) -> SurvivalRows:
    """Observations and predictions of a split, batch by batch.

    Args:
        model: whose judge checks the split.
        data: columns or a source.
        observed: `columns -> {time, event}`.
        predicted: `outputs -> numbers` [rows, ...].
        name: of the split, for messages.

    Raises:
        ValueError: if times or events cannot be used, or there is no event.
    """
    parts = []
    for columns, outputs in predictions(model, data):
        said = model.task.judge.check(columns, training=False)
        if said is not None:
            raise ValueError(f"{name} {said}.")
        seen = observed(columns)
        parts.append((seen["time"], seen["event"], np.asarray(predicted(outputs), np.float64)))
    found = SurvivalRows(*map(np.concatenate, zip(*parts, strict=True)))
    if not found.event.any():
        raise ValueError(f"{name} has no event: use rows that are observed for longer.")
    return found
