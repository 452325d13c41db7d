"""Where numbers stopped being finite."""

from __future__ import annotations

from collections.abc import Iterable

import jax
import jax.numpy as jnp

from jaxmed.training.gradients import Gradient
from jaxmed.training.step import Step, TrainState
from jaxmed.typing import Array, Batch, Tree


class NonFiniteError(FloatingPointError):
    """Training met NaN or infinity. The message names the step and the first leaf."""


@jax.jit
def all_finite(tree: Tree) -> Array:
    """Whether no leaf holds NaN or infinity: one program, where `first_non_finite` takes many."""
    floats = (x for x in jax.tree.leaves(tree) if jnp.issubdtype(x.dtype, jnp.floating))
    return jnp.array([jnp.isfinite(x).all() for x in floats]).all()


def first_non_finite(tree: Tree) -> str | None:
    """The path of the first leaf that holds NaN or infinity, such as `Dense_0/kernel`."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    for path, leaf in leaves:
        if jnp.issubdtype(leaf.dtype, jnp.floating) and not jnp.isfinite(leaf).all():
            return jax.tree_util.keystr(path, simple=True, separator="/")
    return None


def locate(step: Step, gradient: Gradient, state: TrainState, batches: Iterable[Batch]) -> str:
    """Replay steps from a finite state and say which leaf was the first to fail, and when.

    Args:
        step: the step that failed somewhere in `batches`.
        gradient: the one it uses.
        state: before the first of the batches.
        batches: in the order in which they were used.
    """
    step, gradient = jax.jit(step), jax.jit(gradient)
    for batch in batches:
        key = jax.random.fold_in(state.key, state.step)
        grads, model_state, sums = gradient(state.params, state.model_state, batch, key)
        suspects = {
            "batch": dict(batch),
            "params": state.params,
            "loss": sums["loss"],
            "gradient of params": grads,
            "model_state": model_state,
        }
        for kind, tree in suspects.items():
            leaf = first_non_finite(tree)
            if leaf is not None:
                return f"step {int(state.step)}, first in {kind} {leaf}".rstrip()
        state, _ = step(state, batch)
    leaf = first_non_finite({"params": state.params, "model_state": state.model_state})
    return f"step {int(state.step) - 1}, first in its update of {leaf or 'the state'}"
