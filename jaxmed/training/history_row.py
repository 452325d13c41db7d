"""One row of the history: where training stands, and what was measured in a round."""

from __future__ import annotations

import functools

import jax
import numpy as np

from jaxmed.evaluation import compute_metrics
from jaxmed.runtime import profile
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Model, Task
from jaxmed.training.options import Validation
from jaxmed.typing import Scalars


def history_row(task: Task, step: int, sums: Scalars, per_epoch: int) -> dict[str, float]:
    """Where training stands, its mean loss and its metrics since the row before.

    Args:
        task: whose metrics were added up.
        step: steps taken in all.
        sums: of the steps since the row before, [steps, ...].
        per_epoch: steps in an epoch.
    """
    if "means" not in task.programs:
        task.programs["means"] = jax.jit(functools.partial(_means, task))
    epoch = step / per_epoch
    means = jax.device_get(task.programs["means"](dict(sums)))
    names = ("loss", *task.metrics)  # the loss first: a program gives them by the alphabet
    return {
        "epoch": int(epoch) if epoch.is_integer() else round(epoch, 4),
        "step": step,
        **{f"train/{name}": float(means[name]) for name in names if np.ndim(means[name]) == 0},
    }


def _means(task: Task, sums: Scalars) -> Scalars:
    totals = jax.tree.map(lambda x: x.sum(0), sums)
    results = {name: of.result(totals[name]) for name, of in task.metrics.items()}
    return {"loss": totals["loss"] / totals["count"], **results}


def validation_numbers(
    model: Model,
    validation: Validation,
    batch_size: int,
    placement: Placement,
    workers: int,
) -> dict[str, float]:
    """What the model reaches on the validation data, by name; empty where there is none.

    Args:
        model: after the round.
        validation: its data, and what is measured.
        batch_size: of the training, for losses that compare rows.
        placement: where it runs.
        workers: that read a source ahead.
    """
    if validation.data is None:
        return {}
    with profile.part("evaluation"):
        if validation.measure is not None:
            found = validation.measure(model, validation.data)
        else:
            found = compute_metrics(
                model,
                validation.data,
                loss_batch_size=batch_size,
                placement=placement,
                workers=workers,
            )
    return {f"validation/{name}": value for name, value in found.items()}
