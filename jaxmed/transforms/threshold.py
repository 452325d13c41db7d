"""A binary model that decides at another threshold than 1/2."""

from __future__ import annotations

from collections.abc import Mapping

import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks import Model
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import Outputs, Tree


def with_threshold(model: Model, threshold: float) -> Model:
    """The same binary model, which decides for the positive class where p >= threshold.

    Decisions, and with them accuracy, sensitivity and F1, are those at the threshold; so are the
    answers of an exported model. The probabilities stay as they are, and with them AUROC, Brier
    score, log loss and calibration: a threshold is a choice of costs and no knowledge of patients.

    Args:
        model: of two classes.
        threshold: in (0, 1), chosen on validation data. It becomes a value of the model, rounded to
            float32, which is saved and exported with it.

    Returns:
        The model; its outputs are those of `model` and `threshold` [batch].

    Raises:
        ValueError: if the threshold is out of range, or the model does not decide between two
            classes.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.fraction("threshold", threshold, above_zero=True, below_one=True)
    task = model.task
    if task.judge.decided is None:
        raise ValueError(
            f"threshold is {threshold}, but only a model of one answer out of two classes decides "
            "by one: leave it out."
        )

    def change(values: Mapping[str, Tree], outputs: Outputs) -> Outputs:
        rows = outputs["probabilities"].shape[:1]
        return {**outputs, "threshold": jnp.broadcast_to(values["threshold"], rows)}

    return with_outputs(model, {"threshold": jnp.float32(threshold)}, change, task.judge.decided())
