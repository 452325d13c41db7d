"""Test-time augmentation: predictions averaged over changed copies of an image."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.network import mean_outputs
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, ModelState, Outputs, Params


def test_time_augmentation(task: Task, changes: Sequence[Callable[[Array], Array]]) -> Task:
    """The same task, whose prediction is the mean over changed copies of every image.

    Probabilities and values are averaged; logits, of which the mean is not that of the
    probabilities, and whole numbers are left out. Training is unchanged. Use changes that keep the
    label. The cost is one prediction per change.

    Args:
        task: that reads `image`.
        changes: `image -> image` of one image or volume, all giving one shape. The image itself
            counts only if it is among them, as `lambda image: image`. A random change takes part
            with a fixed key, the same for all images:
            `functools.partial(change, jax.random.key(0))`.
    """
    checks.made_by("task", task, Task, A_TASK)
    changes = checks.sequence("changes", changes, "functions, image -> image")
    for number, change in enumerate(changes):
        checks.function(f"changes[{number}]", change, "image -> image")
    if not changes:
        raise ValueError("changes is empty: pass one or more, such as `lambda image: image`.")

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        copies = jnp.stack([jax.vmap(change)(jnp.asarray(batch["image"])) for change in changes])

        def of(image: Array) -> Outputs:
            return task.predict(params, model_state, {**batch, "image": image})

        # One after another, so that memory does not grow with the number of changes.
        return mean_outputs(jax.lax.map(of, copies))

    return dataclasses.replace(task, predict=predict, intermediates=None)
