"""One training step as a pure function of (state, batch), not compiled yet, and its first state."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxmed.tasks import Task
from jaxmed.training import gradients, optimizers
from jaxmed.typing import Batch, Columns, Key, ModelState, Params, Scalars, Tree


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TrainState:
    """All that training carries from step to step.

    JAX also builds it of shapes and shardings, so no field is annotated as an array.

    Attributes:
        step: steps taken [] int32.
        params: what the optimizer changes, float32.
        model_state: what else predictions depend on, such as batch statistics and constants.
        opt_state: the optimizer's.
        key: the root of all randomness; step s uses fold_in(key, s).
    """

    step: Tree
    params: Params
    model_state: ModelState
    opt_state: Tree
    key: Tree


Step: TypeAlias = Callable[[TrainState, Batch], tuple[TrainState, Scalars]]


# Of a program that runs once: compiled in less than half of the time.
_RUN_ONCE: dict[str, str | bool] = {
    "xla_backend_optimization_level": "0",
    "xla_llvm_disable_expensive_passes": True,
}


def init_state(
    task: Task,
    optimizer: optax.GradientTransformation,
    key: Key,
    train: Columns,
    constants: Tree | None = None,
) -> TrainState:
    """The state before the first step.

    Args:
        task: gives the parameters their shapes and first values.
        optimizer: gives its own state.
        key: decides the first values and all later randomness.
        train: the training split; its first row gives the shapes.
        constants: what the task counts; by default counted from all rows of `train`.

    Raises:
        ValueError: for an optimizer that would fail at its first step.
    """
    init_key, train_key = jax.random.split(key)
    constants = task.constants(train) if constants is None else constants
    # Compiled, it makes the parameters and leaves out what the network would make of the row.
    row = {name: column[:1] for name, column in train.items() if column.dtype.kind not in "OSTU"}
    traced = isinstance(init_key, jax.core.Tracer)  # part of a program that may run often
    once = _RUN_ONCE if jax.default_backend() == "cpu" and not traced else None
    params, model_state = jax.jit(task.init, compiler_options=once)(init_key, row, constants)
    optimizers.check_optimizer(optimizer, params)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        model_state=model_state,
        opt_state=jax.jit(optimizer.init)(params),
        key=train_key,
    )


def make_train_step(
    task: Task,
    optimizer: optax.GradientTransformation,
    *,
    gradient: Callable[[Task], gradients.Gradient] = gradients.mean,
) -> Step:
    """A pure `(state, batch) -> (state, sums)`.

    The sums are those of `gradients`: divide `loss` by `count` for the mean loss of the batch,
    or add up the sums of many steps first. Asked again for the same three, it gives the same
    function, so that a second `fit` need not be compiled.

    Args:
        task: what to learn.
        optimizer: any Optax transformation; what follows the loss, as
            `optax.contrib.reduce_on_plateau`, gets the mean of the batch.
        gradient: how the gradient is made from the task.
    """
    kept = ("step", optimizer, gradient)
    if kept in task.programs:
        return task.programs[kept]
    gradient_of = gradient(task)
    update = optimizers.with_loss(optimizer).update

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Scalars]:
        key = jax.random.fold_in(state.key, state.step)
        grads, model_state, sums = gradient_of(state.params, state.model_state, batch, key)
        loss = sums["loss"] / jnp.maximum(sums["count"], 1)  # some schedules follow it
        updates, opt_state = update(grads, state.opt_state, state.params, value=loss, grad=grads)
        params = optax.apply_updates(state.params, updates)
        return TrainState(state.step + 1, params, model_state, opt_state, state.key), sums

    task.programs[kept] = step
    return step
