"""The gradient of one unit, scaled so that no unit counts for more than a bound."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import Array, Option, Params

_TINY = 1e-30
_BELOW = 1 - 2.0**-20
"""Keeps a clipped gradient below its bound where the norm was rounded."""


def clipped_gradient(gradient: Params, bound: Option) -> tuple[Params, Array]:
    """A gradient scaled to at most a Euclidean norm, over all its leaves.

        g min(1, bound / |g|)

    A gradient that holds NaN or infinity becomes 0, so that one damaged row can neither stop the
    training, which everybody could see, nor exceed the bound.

    Args:
        gradient: of one unit, a tree of arrays.
        bound: of the norm, above 0; infinity scales nothing.

    Returns:
        The scaled gradient in float32, and its norm before [].

    Raises:
        ValueError: for a bound that is not above 0.

    References:
        Abadi et al., Deep Learning with Differential Privacy, 2016, algorithm 1.
    """
    if not isinstance(bound, jax.core.Tracer):
        check_clip("bound", bound)
    gradient = jax.tree.map(lambda g: g.astype(jnp.float32), gradient)
    norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(gradient)))
    scale = jnp.minimum(1.0, bound * _BELOW / jnp.maximum(norm, _TINY))
    sound = jnp.isfinite(norm)
    return jax.tree.map(lambda g: jnp.where(sound, g * scale, 0), gradient), norm


def check_clip(name: str, value: Any) -> None:
    """Refuse a bound that is not above 0; infinity is one."""
    if not (isinstance(value, float) and np.isposinf(value)):
        checks.positive(name, value)
