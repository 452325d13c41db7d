"""Patches of images and volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jaxmed.typing import Array, Float


def patches(
    x: Float[Array, "batch *space channels"], sides: Sequence[int]
) -> Float[Array, "batch number values"]:
    """Cut images or volumes into patches that do not overlap, in reading order.

    Args:
        x: [batch, *space, channels].
        sides: of a patch in pixels, one per spatial dimension; each divides that of the image.

    Returns:
        [batch, patches, values of a patch], with the channels of a pixel next to each other.

    Raises:
        ValueError: if `sides` does not divide the sides of the image, or has another length.

    >>> import jax.numpy as jnp
    >>> patches(jnp.arange(8.0).reshape(1, 2, 4, 1), (2, 2)).tolist()
    [[[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]]]
    """
    sides, space = tuple(sides), x.shape[1:-1]
    if len(sides) != len(space):
        raise ValueError(
            f"patch is {sides}, but x has shape {x.shape}: "
            "give one side for each dimension between batch and channels."
        )
    if any(n < side or n % side for n, side in zip(space, sides, strict=True)):
        raise ValueError(
            f"patch is {sides}, but must divide the image's {space}: "
            "crop, pad or resize the image, or choose another patch."
        )
    cut = [part for n, side in zip(space, sides, strict=True) for part in (n // side, side)]
    grid, inside = range(1, 2 * len(space), 2), range(2, 2 * len(space) + 1, 2)
    x = x.reshape(x.shape[0], *cut, x.shape[-1])
    x = x.transpose(0, *grid, *inside, x.ndim - 1)
    number = math.prod(n // side for n, side in zip(space, sides, strict=True))
    return x.reshape(x.shape[0], number, -1)
