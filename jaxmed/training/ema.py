"""An exponential moving average of the parameters, as a transformation of an optimizer."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib

from jaxmed import checks
from jaxmed.training.optimizers import Optimizer, with_loss
from jaxmed.training.step import TrainState
from jaxmed.typing import Array, Params, Tree


class AverageState(NamedTuple):
    """The optimizer's own state beside an average of the parameters it has been shown.

    The last parameters are not in it: they are known only after all of the optimizer.
    """

    steps: Array
    decay: Array
    average: Params
    inner: Tree


def ema(optimizer: Optimizer, *, decay: float) -> optax.GradientTransformationExtraArgs:
    """`optimizer`, which also keeps an average of the parameters; what it does is unchanged.

    average_t = decay * average_(t-1) + (1 - decay) * params_t from average_0 = 0, and read with
    the bias correction 1 / (1 - decay^t) of Adam (Kingma and Ba 2015, section 3), so that it is
    a weighted mean of the parameters from the first step on.

    The parameters are those that are trained, also where `optax.chain` changes the updates after
    it. Inside of `optax.MultiSteps` and `optax.apply_if_finite` only the steps taken count.

    Args:
        optimizer: makes the parameters; what follows the loss gets it.
        decay: in [0, 1); 0.999 looks back over about a thousand steps.
    """
    checks.fraction("decay", decay, below_one=True)
    inner_update = with_loss(optimizer).update

    def init(params: Params) -> AverageState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AverageState(
            jnp.zeros((), jnp.int32), jnp.float32(decay), zeros, optimizer.init(params)
        )

    def update(
        updates: Params, state: AverageState, params: Params | None = None, **extra: Any
    ) -> tuple[Params, AverageState]:
        if params is None:
            raise ValueError("params is None, but an average is kept of them: pass them to update.")
        updates, inner = inner_update(updates, state.inner, params, **extra)
        # Before the first step they are the first values, which no step has made.
        average = jax.tree.map(
            lambda a, p: jnp.where(state.steps > 0, decay * a + (1 - decay) * p, a),
            state.average,
            params,
        )
        return updates, AverageState(state.steps + 1, state.decay, average, inner)

    return optax.GradientTransformationExtraArgs(init, update)


def ema_params(state: TrainState) -> TrainState:
    """The state to evaluate with: averaged parameters if its optimizer keeps them, else itself.

    The average is found wherever it stands in the optimizer's state: inside of `optax.chain`,
    `optax.MultiSteps`, `optax.apply_if_finite`, `optax.inject_hyperparams` or the mapped
    optimizers of a sweep. That of `optax.contrib.schedule_free` is one, too.

    Raises:
        ValueError: if there is more than one average, or one of other parameters than all.
    """
    kept = [
        leaf for leaf in jax.tree.leaves(state.opt_state, is_leaf=_is_average) if _is_average(leaf)
    ]
    kept += [
        inner
        for leaf in kept
        if isinstance(leaf, AverageState)
        for inner in jax.tree.leaves(leaf.inner, is_leaf=_is_average)
        if _is_average(inner)
    ]
    if not kept:
        return state
    if len(kept) > 1:
        raise ValueError(
            f"optimizer keeps {len(kept)} averages of the parameters, of which only one can be "
            "used: wrap the whole optimizer in one `ema`."
        )
    (found,) = kept
    own = found.average if isinstance(found, AverageState) else found.z
    kept_names, own_names = (str(jax.tree.structure(tree)) for tree in (own, state.params))
    if kept_names != own_names:
        raise ValueError(
            "optimizer keeps an average of some of the parameters only: wrap the whole optimizer "
            "in `ema`, not a part of it."
        )
    averaged = _ema if isinstance(found, AverageState) else _schedule_free
    return dataclasses.replace(state, params=averaged(found, state.params))


def _ema(found: AverageState, params: Params) -> Params:
    if not np.all(np.asarray(found.steps) > 0):
        return params

    def averaged(before: Array, last: Array) -> Array:
        decay, steps = (_along(number, last) for number in (found.decay, found.steps))
        return (decay * before + (1 - decay) * last) / (1 - decay**steps)

    return jax.tree.map(averaged, found.average, params)


def _schedule_free(found: optax.contrib.ScheduleFreeState, params: Params) -> Params:
    """X of y = (1 - b1) z + b1 x (Defazio et al., The Road Less Scheduled, 2024, equation 5)."""

    def averaged(z: Array, y: Array) -> Array:
        b1 = _along(jnp.asarray(found.b1), y)
        return (y - (1 - b1) * z) / b1

    return jax.tree.map(averaged, found.z, params)


def _along(numbers: Array, leaf: Array) -> Array:
    """Of a sweep there is one number per configuration, the first axis of a leaf."""
    return numbers.reshape(numbers.shape + (1,) * (leaf.ndim - numbers.ndim))


def _is_average(leaf: Any) -> bool:
    return isinstance(leaf, AverageState | optax.contrib.ScheduleFreeState)
