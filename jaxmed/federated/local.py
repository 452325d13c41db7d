"""What one client does in a round: an epoch of ordinary train steps over its own rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmed.tasks import Task
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import Step, TrainState, make_train_step
from jaxmed.typing import Batch, Key, ModelState, Params, Scalars, Tree

LocalTraining = Callable[[Params, ModelState, Tree, Batch, Key], tuple[TrainState, Scalars]]
"""`(params, model_state, optimizer state, batches [steps, batch, ...], key) -> (state, sums)`.

The `step` of the state counts the steps that had rows."""


def local_training(task: Task, optimizer: optax.GradientTransformation) -> LocalTraining:
    """The training of one client, from the parameters of the server.

    Args:
        task: what is learned.
        optimizer: of the client; it begins anew in each round.
    """
    epoch = make_epoch(_without_padding(make_train_step(task, optimizer)))

    def train(
        params: Params, model_state: ModelState, opt_state: Tree, steps: Batch, key: Key
    ) -> tuple[TrainState, Scalars]:
        first = TrainState(jnp.zeros((), jnp.int32), params, model_state, opt_state, key)
        mask = steps["mask"]
        rows = jnp.where(mask > 0, jnp.arange(mask.size).reshape(mask.shape), -1)
        columns = {
            name: column.reshape(-1, *column.shape[2:])
            for name, column in steps.items()
            if name not in ("mask", "place")
        }
        state, sums = epoch(first, columns, rows)
        return state, jax.tree.map(lambda x: x.sum(0), sums)

    return train


def _without_padding(step: Step) -> Step:
    """The same step, which leaves the state as it is where a batch has no row.

    A gradient of zero would move an optimizer with momentum. Clients that are not mapped skip the
    computation; under `vmap` both branches are computed.
    """

    def skipping(state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        def skip(state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
            _, sums = jax.eval_shape(step, state, batch)
            return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), sums)

        return jax.lax.cond((batch["mask"] > 0).any(), step, skip, state, batch)

    return skipping


def difference(after: Tree, before: Tree) -> Tree:
    """What changed; leaves that are no floats, such as counters, count as unchanged."""

    def subtract(a: Any, b: Any) -> Any:
        if not jnp.issubdtype(jnp.result_type(b), jnp.floating):
            return jnp.zeros((), jnp.float32)
        return (a - b).astype(jnp.float32)

    return jax.tree.map(subtract, after, before)


def changed(before: Tree, change: Tree) -> Tree:
    """What `difference` was subtracted from, changed by a mean of differences."""

    def add(b: Any, d: Any) -> Any:
        if not jnp.issubdtype(jnp.result_type(b), jnp.floating):
            return b
        return (b + d).astype(jnp.result_type(b))

    return jax.tree.map(add, before, change)
