"""Training on molecules without the padding between them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import largest
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params

BONDS_PER_ATOM = 1.15
"""Places for bonds that are made for each place of an atom; drugs have about 1.08."""


def packed_graphs(task: Task, sizes: Sequence[int]) -> Task:
    """The same task, trained on the atoms and bonds of a batch without the padding between them.

    Columns of molecules are padded to the largest of the whole split, often five times the mean.
    Here the places of the real atoms and bonds of a batch are gathered first, and the network
    computes on those alone. One program is compiled with a branch for each size; a batch takes the
    first that holds it, or else the padded columns. The numbers are those of the padded batch, also
    where batches are shuffled freely. Rows of padding have no atoms.

    Args:
        task: of a network that reads `data.molecules.inputs.graphs(...)`.
        sizes: atoms per row for which places are made, ascending: a batch of `n` rows has `n size`
            places of atoms and `1.15 n size` of bonds. About the mean of the split, somewhat more,
            and a large one: `data.molecules.packed_sizes` counts them.

    Raises:
        ValueError: `sizes` is empty or does not ascend.
    """
    checks.made_by("task", task, Task, A_TASK)
    sizes = checks.wholes("sizes", sizes)
    if not sizes or any(a >= b for a, b in itertools.pairwise(sizes)):
        raise ValueError(f"sizes is {sizes}, but must ascend and not be empty: sort it.")

    def loss(
        params: Params, model_state: ModelState, batch: Batch, random: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        rows, atoms = batch["atom"].shape[:2]
        real = {
            name: (batch[name][:, :, 0] > 0) & (batch["mask"] > 0)[:, None]
            for name in ("atom", "bond")
        }
        needed = {name: largest(each.sum()) for name, each in real.items()}
        choices = [size for size in sizes if size < atoms]
        places = [(rows * size, math.ceil(rows * size * BONDS_PER_ATOM)) for size in choices]

        def packed(
            count: tuple[int, int],
        ) -> Callable[[], tuple[Array, tuple[ModelState, Outputs]]]:
            def run() -> tuple[Array, tuple[ModelState, Outputs]]:
                found = {
                    f"packed_{name}": jnp.flatnonzero(each, size=size, fill_value=-1)
                    for (name, each), size in zip(real.items(), count, strict=True)
                }
                return task.loss(params, model_state, {**batch, **found}, random)

            return run

        def padded() -> tuple[Array, tuple[ModelState, Outputs]]:
            return task.loss(params, model_state, batch, random)

        if not places:
            return padded()
        first = [
            jnp.searchsorted(jnp.array(each), needed[name])
            for name, each in zip(real, zip(*places, strict=True), strict=True)
        ]
        branch = jnp.maximum(*first)
        return jax.lax.switch(branch, [*(packed(count) for count in places), padded])

    return dataclasses.replace(task, loss=loss)
