"""A task trained on randomly changed examples."""

from __future__ import annotations

import dataclasses

import jax

from jaxmed import checks
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Transform


def augmented(task: Task, change: Transform) -> Task:
    """The same task, trained on randomly changed batches; predictions are unchanged.

    Args:
        task: of any kind.
        change: `(key, batch) -> batch`, such as `augment.per_image(augment.random_shift(2))`. A
            task that reconstructs its input reconstructs the changed one.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.function("change", change, "(key, batch) -> batch")

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        change_key, task_key = jax.random.split(key)
        return task.loss(params, state, change(change_key, batch), task_key)

    return dataclasses.replace(task, loss=loss)
