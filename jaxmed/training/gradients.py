"""How a gradient is made from a task. Each maker gives one pure function of the same signature.

A `Gradient` is `(params, model_state, batch, key) -> (gradient, model_state, sums)`. The sums
are additive: `loss` and `count` over the real rows, and one state for each of the task's
streaming metrics. Privacy is another maker, in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import total
from jaxmed.tasks import Task
from jaxmed.typing import Batch, Key, ModelState, Params, Scalars, Tree

Gradient: TypeAlias = Callable[[Params, ModelState, Batch, Key], tuple[Params, ModelState, Scalars]]


def mean(task: Task) -> Gradient:
    """The gradient of the mean loss over the real rows of the whole batch, on all its devices.

    g = d/dparams sum_i mask_i loss_i / sum_i mask_i
    """
    summed = _summed(task)

    def gradient(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Params, ModelState, Scalars]:
        grads, model_state, sums = summed(params, model_state, batch, key)
        return _divided(grads, sums["count"]), model_state, sums

    return gradient


def accumulated(task: Task, *, microbatches: int) -> Gradient:
    """The gradient of `mean`, made in `microbatches` parts one after another to save memory.

    Equal to `mean` up to rounding, whatever the padding, for networks without batch statistics
    or dropout; batch normalization sees one part at a time.

    Args:
        task: what to learn.
        microbatches: parts, at least 1; they divide the rows on each device.
    """
    checks.positive("microbatches", microbatches)
    summed = _summed(task)

    def gradient(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Params, ModelState, Scalars]:
        rows = batch["mask"].shape[0]
        if rows % microbatches:
            raise ValueError(
                f"microbatches is {microbatches}, which does not divide the {rows} rows "
                "that a device sees: choose a divisor."
            )
        parts = jax.tree.map(lambda x: x.reshape(microbatches, -1, *x.shape[1:]), dict(batch))

        def add(carry: tuple[Params, ModelState], part: tuple[Batch, Key]) -> tuple[Tree, Scalars]:
            so_far, model_state = carry
            grads, model_state, sums = summed(params, model_state, *part)
            return (jax.tree.map(jnp.add, so_far, grads), model_state), sums

        zeros = jax.tree.map(jnp.zeros_like, params)
        keys = jax.random.split(key, microbatches)
        (grads, model_state), sums = jax.lax.scan(add, (zeros, model_state), (parts, keys))
        sums = jax.tree.map(lambda x: x.sum(0), sums)
        return _divided(grads, sums["count"]), model_state, sums

    return gradient


def _summed(task: Task) -> Gradient:
    """The gradient of the sum of losses, with the sums that the metrics need."""

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[jax.Array, tuple[ModelState, Scalars]]:
        losses, (model_state, outputs) = task.loss(params, model_state, batch, key)
        mask = batch["mask"]
        if losses.shape != mask.shape:
            raise ValueError(
                f"the task's loss has shape {losses.shape}, but must give one number per example, "
                f"{mask.shape}: do not reduce it over the batch, and drop axes of length 1."
            )
        sums = {
            "loss": jnp.where(mask > 0, losses, 0).sum(),
            "count": mask.sum(),
            **{name: m.update(m.empty(), outputs, batch) for name, m in task.metrics.items()},
        }
        return sums["loss"], (model_state, sums)

    def gradient(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Params, ModelState, Scalars]:
        differentiate = jax.grad(loss, has_aux=True)
        grads, (model_state, sums) = differentiate(params, model_state, batch, key)
        return total(grads), model_state, total(sums)

    return gradient


def _divided(grads: Params, count: jax.Array) -> Params:
    return jax.tree.map(lambda g: g / jnp.maximum(count, 1).astype(g.dtype), grads)
