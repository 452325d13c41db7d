"""Adaptive optimizers of the server, and that a round without reports changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.training import optimizers
from jaxmed.typing import Array, Option, Params, Tree

Squares = Callable[[Array, Array, Option], Array]
"""`(old squares, new squares, b2) -> squares`."""


def adaptive_server(
    learning_rate: Option, squares: Squares, *, b1: Option, b2: Option, tau: Option
) -> optax.GradientTransformation:
    """Adam and Yogi as Reddi et al. have them: no bias correction, squares begin at tau^2.

        m <- b1 m + (1 - b1) change, v <- squares(v, change^2, b2)
        w <- w + learning_rate m / (sqrt(v) + tau)

    Args:
        learning_rate: above 0.
        squares: `adam_squares` or `yogi_squares`.
        b1: in [0, 1).
        b2: in [0, 1).
        tau: above 0.

    References:
        Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    checks.positive("learning_rate", learning_rate)
    checks.function("squares", squares, "(old, new, b2) -> squares")
    checks.fraction("b1", b1, below_one=True)
    checks.fraction("b2", b2, below_one=True)
    checks.positive("tau", tau)

    def init(params: Params) -> Tree:
        mean = jax.tree.map(jnp.zeros_like, params)
        return {"mean": mean, "squares": jax.tree.map(lambda w: jnp.full_like(w, tau**2), params)}

    def update(gradient: Params, state: Tree, params: Params | None = None) -> Any:
        del params
        mean = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state["mean"], gradient)
        second = jax.tree.map(lambda v, g: squares(v, g**2, b2), state["squares"], gradient)
        steps = jax.tree.map(lambda m, v: -learning_rate * m / (jnp.sqrt(v) + tau), mean, second)
        return steps, {"mean": mean, "squares": second}

    return optax.GradientTransformation(init, update)


def adam_squares(old: Array, new: Array, b2: Option) -> Array:
    """Adam: b2 v + (1 - b2) change^2."""
    return b2 * old + (1 - b2) * new


def yogi_squares(old: Array, new: Array, b2: Option) -> Array:
    """Yogi: v - (1 - b2) change^2 sign(v - change^2)."""
    return old - (1 - b2) * new * jnp.sign(old - new)


def unless_silent(server: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same optimizer, which rests where the gradient is exactly 0: nobody reported.

    Momentum would otherwise move the parameters of a server that has heard nothing.

    Args:
        server: any Optax transformation.
    """
    inner = optimizers.with_loss(server)

    def update(gradient: Params, state: Tree, params: Params | None = None, **extra: Any) -> Any:
        silent = jnp.array([(g == 0).all() for g in jax.tree.leaves(gradient)]).all()
        steps, after = inner.update(gradient, state, params, **extra)
        steps = jax.tree.map(lambda s: jnp.where(silent, jnp.zeros_like(s), s), steps)
        return steps, jax.tree.map(lambda a, b: jnp.where(silent, b, a), after, state)

    return optax.GradientTransformationExtraArgs(inner.init, update)
