"""Convolution with 3-wide windows by fewer multiplications: Winograd's minimal filtering.

Of each side, six neighbouring pixels give four outputs. A direct convolution multiplies 4 x 3
times a channel for that; here sums of the six are multiplied by six sums of the kernel's three,
and sums of those six products are the outputs. In two dimensions 36 products replace 144, as 36
matrix products over channels. Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
Networks", section 4.3, F(4 x 4, 3 x 3), and the same for one and three dimensions.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmed.typing import Array, Float

OUTPUTS = 4
"""Neighbouring outputs of one side that are computed together."""
PRODUCTS = 6
"""Multiplications that they take, and pixels that they read."""

# The three matrices of section 4.3, named there B^T, G and A^T.
_OF_PIXELS = np.array([
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
])  # fmt: skip
_OF_KERNEL = np.array([
    [6, 0, 0],
    [-4, -4, -4],
    [-4, 4, -4],
    [1, 2, 4],
    [1, -2, 4],
    [0, 0, 24],
]) / 24  # fmt: skip
_OF_PRODUCTS = np.array([
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
])  # fmt: skip


def winograd_convolution(
    x: Float[Array, "batch *space channels"], kernel: Float[Array, "*window channels features"]
) -> Float[Array, "batch *space features"]:
    """Convolve with stride 1 and one zero around, as `convolution` does under "SAME".

    In float32 its results and gradients are within 3e-5 of the largest of them, where a direct sum
    is within 2e-6. The sums of the six grow and cancel: so the products keep all bits wherever they
    are computed, as accelerators would not by themselves.

    Args:
        x: [batch, *space, channels], in 1, 2 or 3 dimensions.
        kernel: [3, ..., 3, channels, features].
    """
    sides, features = x.shape[1:-1], kernel.shape[-1]
    missing = [-side % OUTPUTS for side in sides]
    if any(missing):
        x = lax.optimization_barrier(jnp.pad(x, [(0, 0), *((0, more) for more in missing), (0, 0)]))
    # Every dimension of space leaves an axis of 6 in front, the last one outermost.
    for number in range(len(sides)):
        x = _spread(x, 2 * number + 1)
        kernel = jnp.stack(_sums(_OF_KERNEL, _apart(kernel, number)))
    rows = x.shape[len(sides) : -1]
    count = PRODUCTS ** len(sides)
    products = jnp.matmul(
        x.reshape(count, math.prod(rows), x.shape[-1]),
        kernel.reshape(count, x.shape[-1], features),
        precision=lax.Precision.HIGHEST,
    )
    y = products.reshape(*(PRODUCTS,) * len(sides), *rows, features)
    for number in reversed(range(len(sides))):
        y = _joined(_sums(_OF_PRODUCTS, _apart(y, 0)), 2 * number + 1)
    return y[(slice(None), *(slice(side) for side in sides))]


def tiled(sides: Sequence[int]) -> int:
    """How many pixels are computed for an image or a volume with these sides."""
    return math.prod(side + -side % OUTPUTS for side in sides)


def _spread(x: Array, axis: int) -> Array:
    """[..., 4 tiles, ...] -> [6, ..., tiles, ...]: what each product reads of each tile."""
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    inner = _apart(x.reshape(*before, x.shape[axis] // OUTPUTS, OUTPUTS, *behind), axis + 1)
    pixels = [_moved(inner[-1], axis, 1), *inner, _moved(inner[0], axis, -1)]
    # Else XLA would compute these sums again for each of the sums that are made of them.
    return lax.optimization_barrier(jnp.stack(_sums(_OF_PIXELS, pixels)))


def _joined(parts: Sequence[Array], axis: int) -> Array:
    """Four times [..., tiles, ...] -> [..., 4 tiles, ...], the first of each tile first."""
    whole = list(parts[0].shape)
    whole[axis] *= OUTPUTS
    return lax.optimization_barrier(jnp.stack(parts, axis + 1).reshape(whole))


def _apart(x: Array, axis: int) -> list[Array]:
    # A split is differentiated into one join; slices would be into as many padded sums.
    parts = lax.split(x, (1,) * x.shape[axis], axis)
    return [part.squeeze(axis) for part in parts]


def _moved(x: Array, axis: int, by: int) -> Array:
    """Every tile's neighbour before (`by` 1) or behind (-1), and zeros where there is none."""
    edges = [(by, -by, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _sums(weights: np.ndarray, parts: Sequence[Array]) -> list[Array]:
    """One weighted sum of the parts a row of weights; what is not weighed costs nothing."""
    terms = (
        [w * part for w, part in zip(row, parts, strict=True) if w] for row in weights.tolist()
    )
    return [functools.reduce(operator.add, summands) for summands in terms]
