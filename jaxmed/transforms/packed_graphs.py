"""Molecules without the padding between them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import largest
from jaxmed.data.molecules.graphs import BONDS_PER_ATOM
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params


def packed_graphs(task: Task, sizes: Sequence[int]) -> Task:
    """The same task, computed on the atoms and bonds of a batch without the padding between them.

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
        return _packed(sizes, batch, lambda own: task.loss(params, model_state, own, random))

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        return _packed(sizes, batch, lambda own: task.predict(params, model_state, own))

    return dataclasses.replace(task, loss=loss, predict=predict)


def _packed(sizes: Sequence[int], batch: Batch, run: Callable[[Batch], Any]) -> Any:
    """`run` of the batch with the places of its real atoms and bonds, or of the batch as it is."""
    rows, atoms = batch["atom"].shape[:2]
    choices = [size for size in sizes if size < atoms]
    if not choices or not isinstance(rows, int):  # a symbolic number of rows, in an export
        return run(batch)
    real = {name: jnp.asarray(batch[name])[:, :, 0] > 0 for name in ("atom", "bond")}
    if "mask" in batch:
        used = jnp.asarray(batch["mask"]) > 0
        real = {name: each & used[:, None] for name, each in real.items()}
    places = [(rows * size, math.ceil(rows * size * BONDS_PER_ATOM)) for size in choices]

    def packed(count: tuple[int, int]) -> Callable[[], Any]:
        def of_places() -> Any:
            found = {
                f"packed_{name}": jnp.flatnonzero(each, size=size, fill_value=-1)
                for (name, each), size in zip(real.items(), count, strict=True)
            }
            return run({**batch, **found})

        return of_places

    needed = [largest(each.sum()) for each in real.values()]
    first = [
        jnp.searchsorted(jnp.array(each), need)
        for each, need in zip(zip(*places, strict=True), needed, strict=True)
    ]
    branches = [*(packed(count) for count in places), lambda: run(batch)]
    return jax.lax.switch(jnp.maximum(*first), branches)
