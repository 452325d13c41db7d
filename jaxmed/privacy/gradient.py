"""The private gradient: another way to make a gradient from a task, for `make_train_step`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import total
from jaxmed.privacy.clipping import check_clip, clipped_gradient
from jaxmed.tasks import Task
from jaxmed.tasks.task import A_TASK
from jaxmed.training.gradients import Gradient
from jaxmed.typing import AnyArray, Array, Batch, Key, ModelState, Option, Params, Scalars, Tree

NOISE = np.uint32(2**32 - 2)
"""Folded into the key of a step for its noise; no row of a batch has this place."""


def private_mean(
    task: Task,
    *,
    clip: float,
    noise_multiplier: Option,
    batch_size: float,
    microbatches: int = 1,
    rows_per_unit: int = 1,
) -> Gradient:
    """The noisy mean of clipped gradients, of DP-SGD (or DP-Adam, by the optimizer).

        g = (sum_u clip(grad loss_u) + noise_multiplier clip N(0, I)) / batch_size

    A unit u is what is protected: one row, or the rows of one patient. The loss of a unit is the
    mean over its rows that are there. The sum is divided by the expected number of units, because
    their actual number in a batch is private.

    Gradients of single units exist for one part of the batch at a time, so memory holds
    units / microbatches of them. Parts without any real row are skipped; how many parts there are
    changes the result by rounding only, except where rows draw random numbers, which follow their
    place in the batch.

    Nothing else about the rows leaves the gradient: its sums are empty, so that neither the history
    nor an optimizer sees the loss, and the model's state stays as it is.

    This is private only together with sampling, an account of the steps, and a loss that compares
    no rows: `private_fit` sees to all of them.

    Args:
        task: what to learn.
        clip: bound of the norm of the gradient of a unit, above 0; infinity clips nothing.
        noise_multiplier: deviation of the noise in units of `clip`; 0 adds none.
        batch_size: expected units per step, above 0.
        microbatches: parts of a batch; they divide the units on each device.
        rows_per_unit: consecutive rows of a batch that belong to one unit.

    Raises:
        ValueError: for a bound that is not above 0, noise on an infinite bound, or numbers that do
            not divide the batch.

    References:
        Abadi et al., Deep Learning with Differential Privacy, 2016, algorithm 1.
    """
    checks.made_by("task", task, Task, A_TASK)
    check_clip("clip", clip)
    if not isinstance(noise_multiplier, jax.core.Tracer):
        checks.at_least("noise_multiplier", noise_multiplier, 0)
        if np.isinf(clip) and noise_multiplier:
            raise ValueError(
                f"clip is {clip}, but noise_multiplier is {noise_multiplier}: noise needs a finite "
                "bound."
            )
    checks.positive("batch_size", batch_size)
    microbatches = checks.whole("microbatches", microbatches)
    rows_per_unit = checks.whole("rows_per_unit", rows_per_unit)
    deviation = 0.0 if np.isinf(clip) else noise_multiplier * clip

    def loss_of_unit(params: Params, model_state: ModelState, rows: Batch, key: Key) -> Array:
        losses, _ = task.loss(params, model_state, rows, key)
        mask = rows["mask"]
        return jnp.where(mask > 0, losses, 0).sum() / jnp.maximum(mask.sum(), 1)

    def of_unit(params: Params, model_state: ModelState, rows: Batch, key: Key) -> Params:
        scaled, _ = clipped_gradient(jax.grad(loss_of_unit)(params, model_state, rows, key), clip)
        there = (rows["mask"] > 0).any()
        return jax.tree.map(lambda g: jnp.where(there, g, 0), scaled)

    of_units = jax.vmap(of_unit, (None, None, 0, None))

    def gradient(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Params, ModelState, Scalars]:
        parts = _parts(batch, microbatches, rows_per_unit)

        def add(number: Any, so_far: Params) -> Params:
            part = {name: column[number] for name, column in parts.items()}
            found = of_units(params, model_state, part, key)
            return jax.tree.map(lambda a, g: a + g.sum(0), so_far, found)

        zeros = jax.tree.map(lambda p: jnp.zeros(p.shape, jnp.float32), params)
        summed = total(jax.lax.fori_loop(0, _used(parts["mask"]), add, zeros))
        noise = normal_like(jax.random.fold_in(key, NOISE), summed, deviation)
        mean = jax.tree.map(
            lambda g, n, p: ((g + n) / batch_size).astype(p.dtype), summed, noise, params
        )
        return mean, model_state, _nothing(task)

    return gradient


def normal_like(key: Key, tree: Tree, deviation: Option) -> Tree:
    """Independent normal numbers of the shapes of a tree, with mean 0.

    Args:
        key: another one for each draw; two draws with one key are equal, and then no noise.
        tree: of arrays.
        deviation: of every number.
    """
    leaves, structure = jax.tree.flatten(tree)
    keys = jax.random.split(key, max(len(leaves), 1))
    drawn = [
        deviation * jax.random.normal(each, leaf.shape, jnp.float32)
        for each, leaf in zip(keys, leaves, strict=False)
    ]
    return jax.tree.unflatten(structure, drawn)


def _parts(batch: Batch, microbatches: int, rows_per_unit: int) -> dict[str, Array]:
    """Columns as [microbatches, units, rows, ...]; part j has the units j, j + microbatches, ...

    So each part has units of every device over which the batch is sharded.
    """
    rows = batch["mask"].shape[0]
    if rows % (microbatches * rows_per_unit):
        raise ValueError(
            f"microbatches is {microbatches} and rows_per_unit {rows_per_unit}, whose product does "
            f"not divide the {rows} rows that a device sees: choose divisors."
        )

    def split(column: AnyArray) -> Array:
        shape = (-1, microbatches, rows_per_unit, *column.shape[1:])
        return jnp.swapaxes(jnp.asarray(column).reshape(shape), 0, 1)

    return {name: split(column) for name, column in batch.items()}


def _used(mask: Array) -> Array:
    """How many parts there are up to the last one with a real row [] int32."""
    there = (mask > 0).any(axis=(1, 2))
    return jnp.where(there, jnp.arange(1, len(there) + 1), 0).max().astype(jnp.int32)


def _nothing(task: Task) -> Scalars:
    """The sums of no rows."""
    zero = jnp.zeros((), jnp.float32)
    metrics = {name: metric.empty() for name, metric in task.metrics.items()}
    return {"loss": zero, "count": zero, **metrics}
