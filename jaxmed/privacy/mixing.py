"""Refuses losses that compare rows: then no gradient belongs to one row, and none can be clipped.

Batch normalization, Cox's partial likelihood, contrastive losses and mixup are such. The refusal
rests on an experiment: other rows are put beside some, whose losses and gradients must not change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.tasks import Task
from jaxmed.tasks.arguments import check_key
from jaxmed.tasks.task import A_TASK
from jaxmed.training import validate
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Params, Tree

ROWS = 16
_TOLERANCE = 1e-4


def check_rows_apart(
    task: Task, params: Params, model_state: ModelState, columns: Columns, key: Key
) -> None:
    """Refuse a task in whose loss the rows of a batch are not apart.

    The losses of some rows, and a random combination of their gradients, are computed in a batch,
    in batches in which every other row is replaced, and of each row alone. They must agree, and the
    model's state must stay as it is.

    Args:
        task: to be trained privately.
        params: first values.
        model_state: first values.
        columns: of the training split; at most 16 rows are used.
        key: of the combination, dropout and augmentation.

    Raises:
        ValueError: if rows are not apart, with what gave them away, or the task cannot use them.
    """
    checks.made_by("task", task, Task, A_TASK)
    checks.named_columns("columns", columns)
    check_key(key)
    numbers = batches.numeric(columns)
    validate.checked("columns", task, numbers, training=False)
    count = min(batches.count_of(numbers), ROWS)
    batch = jax.tree.map(jnp.asarray, batches.take(numbers, np.arange(count, dtype=np.int32)))
    keep_key, key = jax.random.split(key)
    weights = jax.random.uniform(keep_key, (count,), minval=0.5)

    def losses(params: Params, batch: Batch, key: Key) -> tuple[Array, ModelState]:
        found, (after, _) = task.loss(params, model_state, batch, key)
        return found, after

    def losses_alone(params: Params, batch: Batch, key: Key) -> tuple[Array, ModelState]:
        single = jax.tree.map(lambda x: x[:, None], dict(batch))
        found, _ = jax.vmap(losses, (None, 0, None))(params, single, key)
        return found[:, 0], model_state

    together, alone = _combined(losses), _combined(losses_alone)
    found, after = together(params, batch, weights, key)
    if not _equal(after, model_state):
        raise ValueError(
            "task changes the state of its model with every batch, as batch normalization does: "
            "its averages would hold private rows without noise; use layers.GroupNorm."
        )
    if not _close(found, alone(params, batch, weights, key)[0]):
        raise _mixed("a row has another gradient in a batch than alone")
    for kept in (np.arange(count) % 2 == 0, np.arange(count) % 2 == 1) if count > 1 else ():
        # Replaced are the values of rows; their places stay, because random choices follow them.
        rows = np.where(kept, np.arange(count), np.arange(count) - 1)
        changed = {name: column[rows] for name, column in batch.items()} | {"place": batch["place"]}
        expected, _ = together(params, batch, weights * kept, key)
        if not _close(expected, together(params, changed, weights * kept, key)[0]):
            raise _mixed("the gradients of rows change when others are replaced")


def _combined(losses: Callable[..., tuple[Array, ModelState]]) -> Callable[..., Any]:
    """Compiled: weighted losses of rows with the gradient of their sum, and the state after."""

    def weighted(params: Params, batch: Batch, weights: Array, key: Key) -> tuple[Array, Any]:
        found, after = losses(params, batch, key)
        return (weights * found).sum(), (weights * found, after)

    @jax.jit
    def run(params: Params, batch: Batch, weights: Array, key: Key) -> tuple[Tree, ModelState]:
        differentiate = jax.grad(weighted, has_aux=True)
        gradient, (each, after) = differentiate(params, batch, weights, key)
        return {"losses": each, "gradient": gradient}, after

    return run


def _mixed(what: str) -> ValueError:
    return ValueError(
        f"task has a loss that compares rows: {what}, so no gradient belongs to one row and could "
        "be clipped; use a loss of each row alone, and GroupNorm instead of BatchNorm."
    )


def _close(a: Tree, b: Tree) -> bool:
    """Whether losses and gradients agree up to rounding against the largest number of each.

    Some parameters have no gradient but rounding, such as the bias of the keys of attention.
    """
    return all(_near(a[name], b[name]) for name in ("losses", "gradient"))


def _near(a: Tree, b: Tree) -> bool:
    pairs = list(zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))
    size = max(float(jnp.abs(leaf).max(initial=0)) for pair in pairs for leaf in pair)
    apart = max(float(jnp.abs(x - y).max(initial=0)) for x, y in pairs)
    return apart <= _TOLERANCE * size


def _equal(a: Tree, b: Tree) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(bool(jnp.array_equal(x, y, equal_nan=True)) for x, y in pairs)
