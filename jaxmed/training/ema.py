"""An exponential moving average of the parameters, as a transformation of an optimizer."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.training.step import TrainState
from jaxmed.typing import Array, Params, Tree


class AverageState(NamedTuple):
    """The optimizer's own state beside the running average."""

    steps: Array
    decay: Array
    average: Params
    inner: Tree


def averaged(
    optimizer: optax.GradientTransformation, *, decay: float
) -> optax.GradientTransformation:
    """`optimizer`, which also keeps an average of the parameters it makes.

    average_t = decay * average_(t-1) + (1 - decay) * params_t from average_0 = 0, and read with
    the bias correction 1 / (1 - decay^t) of Adam (Kingma and Ba 2015, section 3), so that it is
    a weighted mean of the parameters from the first step on.

    Args:
        optimizer: makes the parameters; what it does is unchanged.
        decay: in [0, 1); 0.999 looks back over about a thousand steps.
    """
    checks.fraction("decay", decay, below_one=True)

    def init(params: Params) -> AverageState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AverageState(
            jnp.zeros((), jnp.int32), jnp.float32(decay), zeros, optimizer.init(params)
        )

    def update(
        updates: Params, state: AverageState, params: Params | None = None
    ) -> tuple[Params, AverageState]:
        updates, inner = optimizer.update(updates, state.inner, params)
        after: Any = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state.average, after)
        return updates, AverageState(state.steps + 1, state.decay, average, inner)

    return optax.GradientTransformation(init, update)


def settled(state: TrainState) -> TrainState:
    """The state to evaluate with: averaged parameters if its optimizer keeps them, else itself."""
    kept = state.opt_state
    if not isinstance(kept, AverageState) or int(kept.steps) == 0:
        return state
    correction = 1 / (1 - kept.decay**kept.steps)
    params = jax.tree.map(lambda a: a * correction, kept.average)
    return dataclasses.replace(state, params=params)
