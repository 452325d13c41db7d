"""The batch axis, wherever it is: on one device, mapped by `pmap`, or sharded by `jit`.

Code that sums over a batch, compares its rows, or draws one random number per row, is written once
with these functions and then gives the same numbers under every placement. Under `jit`, sharded
or not, arrays are whole. Under `pmap` each device sees its own rows, and the axis is named
`BATCH_AXIS`.

A batch carries the place of each row in the whole batch, as its column `place`. Random choices
follow that place, so they are the same when rows are mapped alone, as for per-example gradients.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed.typing import AnyArray, Array, Batch, Key, ModelState, Params, Tree

BATCH_AXIS = "batch"

_places: contextvars.ContextVar[AnyArray | None] = contextvars.ContextVar("places", default=None)


def is_mapped() -> bool:
    """Whether the code being traced runs once per device, under `pmap` over the batch axis."""
    try:
        jax.lax.axis_index(BATCH_AXIS)
    except NameError:
        return False
    return True


def total(tree: Tree) -> Tree:
    """Sum every leaf over the devices that share the batch; the tree itself where none do."""
    return jax.lax.psum(tree, BATCH_AXIS) if is_mapped() else tree


def largest(x: Array) -> Array:
    """The largest of one number per device; the number itself where there is one device."""
    return jax.lax.pmax(x, BATCH_AXIS) if is_mapped() else x


def gathered(x: Array) -> Array:
    """The rows of all devices that share the batch, in order; `x` itself where there is one.

    For losses that compare rows with one another. Gradients flow back to the device of each row.
    """
    return jax.lax.all_gather(x, BATCH_AXIS, tiled=True) if is_mapped() else x


def first_row(rows: Any) -> Array | int:
    """The place in the whole batch of the first of the `rows` that a device sees."""
    return jax.lax.axis_index(BATCH_AXIS) * rows if is_mapped() else 0


def row_keys(key: Key, rows: Any) -> Array:
    """One random key per row [rows], a function of `key` and the row's place in the whole batch.

    Random choices made with them (dropout, augmentation) do not depend on how many devices the
    batch is spread over, nor on whether rows are mapped one by one with `vmap`: inside the loss of
    a `Task` the places are those of the batch's column `place`. Rows that were made of one row of
    the batch, such as the sentences of a document, count on from its place.

    Args:
        key: of the step.
        rows: how many keys, the length of the batch or a multiple of it; symbolic in an export.
    """
    places = _places.get()
    if places is None or rows % max(places.shape[0], 1):
        numbers = first_row(rows) + jnp.arange(rows)
    else:
        each = rows // places.shape[0]
        numbers = (jnp.asarray(places)[:, None] * each + jnp.arange(each)[None]).reshape(rows)
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)


@contextlib.contextmanager
def places_of(batch: Batch) -> Iterator[None]:
    """Inside, `row_keys` follows the places that this batch carries.

    A batch without them keeps those around it, such as of the batch that it was made of; without
    any, the `id` of a row stands for its place. A row that has neither and is mapped alone cannot
    be told from another, and draws the same numbers.
    """
    place = batch.get("place", _places.get())
    if place is None and "id" in batch and jnp.issubdtype(batch["id"].dtype, jnp.integer):
        place = batch["id"]
    token = _places.set(place)
    try:
        yield
    finally:
        _places.reset(token)


def by_place(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A task's loss, inside which `row_keys` follows the places of its batch."""

    @functools.wraps(loss)
    def placed(params: Params, model_state: ModelState, batch: Batch, key: Key) -> Any:
        with places_of(batch):
            return loss(params, model_state, batch, key)

    return placed
