"""An exponential moving average of the parameters, as a transformation of an optimizer."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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


def ema(optimizer: optax.GradientTransformation, *, decay: float) -> optax.GradientTransformation:
    """`optimizer`, which also keeps an average of the parameters it makes.

    average_t = decay * average_(t-1) + (1 - decay) * params_t from average_0 = 0, and read with
    the bias correction 1 / (1 - decay^t) of Adam (Kingma and Ba 2015, section 3), so that it is
    a weighted mean of the parameters from the first step on.

    Args:
        optimizer: makes the parameters; what it does is unchanged. Nothing may change the updates
            after it: in `optax.chain` it comes last.
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


def ema_params(state: TrainState) -> TrainState:
    """The state to evaluate with: averaged parameters if its optimizer keeps them, else itself.

    The average is found wherever it stands in the optimizer's state: inside of `optax.chain`,
    `optax.apply_if_finite` or the mapped optimizers of a sweep.

    Raises:
        ValueError: if there is more than one average, or one of other parameters than all.
    """
    kept = [
        leaf for leaf in jax.tree.leaves(state.opt_state, is_leaf=_is_average) if _is_average(leaf)
    ]
    if not kept:
        return state
    if len(kept) > 1:
        raise ValueError(
            f"optimizer keeps {len(kept)} averages of the parameters, of which only one can be "
            "used: wrap the whole optimizer in one `ema`."
        )
    (average,) = kept
    if jax.tree.structure(average.average) != jax.tree.structure(state.params):
        raise ValueError(
            "optimizer keeps an average of some of the parameters only: wrap the whole optimizer "
            "in `ema`, not a part of it."
        )
    if not np.all(np.asarray(average.steps) > 0):
        return state
    correction = 1 / (1 - average.decay**average.steps)

    def corrected(leaf: Array) -> Array:
        # Under a sweep there is one correction per configuration, the first axis of a leaf.
        return leaf * correction.reshape(correction.shape + (1,) * (leaf.ndim - correction.ndim))

    return dataclasses.replace(state, params=jax.tree.map(corrected, average.average))


def _is_average(leaf: Any) -> bool:
    return isinstance(leaf, AverageState)
