"""Checks of a network's input. A message names the argument, its value and the remedy."""

from __future__ import annotations

import jax.numpy as jnp

from jaxmed.typing import AnyArray


def floating(x: AnyArray) -> None:
    """Refuse integers: a convolution casts its kernel to the type of its input.

    Raises:
        ValueError: if `x` is not floating.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x is {x.dtype}, but must be floating: normalize first, see jaxmed.data.inputs."
        )


def images_or_volumes(x: AnyArray) -> None:
    """Refuse `x` unless it is [batch, *space, channels] with 2 or 3 spatial dimensions.

    Raises:
        ValueError: if `x` has another number of dimensions, or is not floating.
    """
    if x.ndim not in (4, 5):
        raise ValueError(
            f"x has shape {x.shape}, but must be images [batch, height, width, channels] or "
            "volumes [batch, depth, height, width, channels]: one channel has an axis too."
        )
    floating(x)
