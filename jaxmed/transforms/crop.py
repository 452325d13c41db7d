"""Training without the padding that no text of a batch needs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import largest
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params


def crop_to_longest(
    task: Task, lengths: Sequence[int], *, keys: Sequence[str] = ("tokens",), axis: int = 1
) -> Task:
    """The same task, trained on batches cut to the length of their longest text.

    Each batch is cut to the first of `lengths` that holds all of its texts: one program is
    compiled with a branch for each, and the numbers are those of the whole batch. It pays where
    batches hold texts of nearly one length (`batches.by_length`). The outputs during training
    must not have the axis that is cut.

    Args:
        task: whose loss ignores zeros after the end of a text.
        lengths: to cut to, ascending; the full length is always one more.
        keys: what to cut; the first tells how long a text is.
        axis: of each, 1 for the tokens of a text or the sentences of a document.
    """
    checks.made_by("task", task, Task, A_TASK)
    lengths, keys = checks.wholes("lengths", lengths), checks.strings("keys", keys)
    axis = checks.whole("axis", axis, most=5)
    if any(a >= b for a, b in itertools.pairwise(lengths)):
        raise ValueError(f"lengths is {lengths}, but must ascend: sort it, each length once.")
    if not keys:
        raise ValueError("keys is (), but must name at least one column to cut.")

    def loss(
        params: Params, model_state: ModelState, batch: Batch, random: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        column = batch[keys[0]]
        full = column.shape[axis]
        choices = [*(length for length in lengths if length < full), full]
        others = tuple(i for i in range(column.ndim) if i != axis)
        used = jnp.any(column != 0, axis=others)
        longest = largest(jnp.max(jnp.where(used, jnp.arange(1, full + 1), 0)))

        def cut(length: int) -> Callable[[], tuple[Array, tuple[ModelState, Outputs]]]:
            short = {key: jax.lax.slice_in_dim(batch[key], 0, length, axis=axis) for key in keys}
            return lambda: task.loss(params, model_state, {**batch, **short}, random)

        branch = jnp.searchsorted(jnp.array(choices), longest)
        return jax.lax.switch(branch, [cut(length) for length in choices])

    return dataclasses.replace(task, loss=loss)
