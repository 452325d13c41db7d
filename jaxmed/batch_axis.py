"""The batch axis, wherever it is: on one device, mapped by `pmap`, or sharded by `jit`.

Code that sums over a batch, compares its rows, or draws one random number a row, is written once
with these functions and then gives the same numbers under every placement. Under `jit`, sharded
or not, arrays are whole, and each is what it looks like. Under `pmap` each device sees its own rows
and the axis is named `BATCH_AXIS`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmed.typing import Array, Key, Tree

BATCH_AXIS = "batch"


def is_mapped() -> bool:
    """Whether the code being traced runs once a device, under `pmap` over the batch axis."""
    try:
        jax.lax.axis_index(BATCH_AXIS)
    except NameError:
        return False
    return True


def total(tree: Tree) -> Tree:
    """Sum every leaf over the devices that share the batch; the tree itself where none do."""
    return jax.lax.psum(tree, BATCH_AXIS) if is_mapped() else tree


def largest(x: Array) -> Array:
    """The largest of a number each device has; the number itself where there is one device."""
    return jax.lax.pmax(x, BATCH_AXIS) if is_mapped() else x


def row_keys(key: Key, rows: int) -> Array:
    """One random key a row [rows], a function of `key` and the row's place in the whole batch.

    Random choices made with them (dropout, augmentation) do not depend on how many devices
    the batch is spread over.
    """
    return jax.vmap(jax.random.fold_in, (None, 0))(key, first_row(rows) + jnp.arange(rows))


def gathered(x: Array) -> Array:
    """The rows of all devices that share the batch, in order; `x` itself where there is one.

    For losses that compare rows with one another. Gradients flow back to the device of each row.
    """
    return jax.lax.all_gather(x, BATCH_AXIS, tiled=True) if is_mapped() else x


def first_row(rows: int) -> Array | int:
    """The place in the whole batch of the first of the `rows` that a device sees."""
    return jax.lax.axis_index(BATCH_AXIS) * rows if is_mapped() else 0
