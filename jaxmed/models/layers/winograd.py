"""Convolution with windows of side 3 by fewer multiplications: Winograd's minimal filtering.

Along each side, six neighboring pixels give four outputs. A direct convolution takes 4 x 3
multiplications per channel for this. Here six sums of the pixels are multiplied by six sums of the
three kernel values, and the outputs are sums of these six products. In two dimensions 36 products
replace 144, computed as 36 matrix products over channels. Lavin and Gray 2016, "Fast Algorithms
for Convolutional Neural Networks", section 4.3, F(4 x 4, 3 x 3), and the same in one and three
dimensions.
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
"""Neighboring outputs along one side that are computed together."""
PRODUCTS = 6
"""Multiplications for these outputs, and pixels that they depend on."""

# The three matrices of section 4.3, there named B^T, G and A^T.
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

    In float32 its results and gradients have an error of up to 3e-5 of the largest of them, where
    a direct sum has 2e-6. The sums grow and cancel, so the products are computed in full precision
    on every backend; accelerators would otherwise reduce it.

    Args:
        x: [batch, *space, channels], in 1, 2 or 3 dimensions.
        kernel: [3, ..., 3, channels, features], with as many windows.

    Returns:
        [batch, *space, features].
    """
    sides, features = x.shape[1:-1], kernel.shape[-1]
    missing = [-side % OUTPUTS for side in sides]
    if any(missing):
        x = lax.optimization_barrier(jnp.pad(x, [(0, 0), *((0, more) for more in missing), (0, 0)]))
    # Every spatial dimension adds an axis of 6 in front, the last dimension outermost.
    for number in range(len(sides)):
        x = _tile_sums(x, 2 * number + 1)
        kernel = jnp.stack(_weighted_sums(_OF_KERNEL, _unstack(kernel, number)))
    rows = x.shape[len(sides) : -1]
    count = PRODUCTS ** len(sides)
    products = jnp.matmul(
        x.reshape(count, math.prod(rows), x.shape[-1]),
        kernel.reshape(count, x.shape[-1], features),
        precision=lax.Precision.HIGHEST,
    )
    y = products.reshape(*(PRODUCTS,) * len(sides), *rows, features)
    for number in reversed(range(len(sides))):
        y = _join_tiles(_weighted_sums(_OF_PRODUCTS, _unstack(y, 0)), 2 * number + 1)
    return y[(slice(None), *(slice(side) for side in sides))]


def tiled_size(sides: Sequence[int]) -> int:
    """Number of pixels computed for an image or volume with these sides, rounded up to tiles.

    >>> tiled_size((5, 5))
    64
    """
    return math.prod(side + -side % OUTPUTS for side in sides)


def _tile_sums(x: Array, axis: int) -> Array:
    """[..., 4 tiles, ...] -> [6, ..., tiles, ...]: the input of each product per tile."""
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    inner = _unstack(x.reshape(*before, x.shape[axis] // OUTPUTS, OUTPUTS, *behind), axis + 1)
    pixels = [_shift(inner[-1], axis, 1), *inner, _shift(inner[0], axis, -1)]
    # Without the barrier XLA would compute these sums again in each sum that uses them.
    return lax.optimization_barrier(jnp.stack(_weighted_sums(_OF_PIXELS, pixels)))


def _join_tiles(parts: Sequence[Array], axis: int) -> Array:
    """Four arrays [..., tiles, ...] -> [..., 4 tiles, ...], interleaved."""
    whole = list(parts[0].shape)
    whole[axis] *= OUTPUTS
    return lax.optimization_barrier(jnp.stack(parts, axis + 1).reshape(whole))


def _unstack(x: Array, axis: int) -> list[Array]:
    # The gradient of a split is one concatenation; that of slices would be padded sums.
    parts = lax.split(x, (1,) * x.shape[axis], axis)
    return [part.squeeze(axis) for part in parts]


def _shift(x: Array, axis: int, by: int) -> Array:
    """The previous (`by` 1) or next (-1) tile of every tile; zeros at the edge."""
    edges = [(by, -by, 0) if i == axis else (0, 0, 0) for i in range(x.ndim)]
    return lax.pad(x, jnp.zeros((), x.dtype), edges)


def _weighted_sums(weights: np.ndarray, parts: Sequence[Array]) -> list[Array]:
    """One weighted sum of the parts per row of weights; weights of zero are left out."""
    terms = (
        [w * part for w, part in zip(row, parts, strict=True) if w] for row in weights.tolist()
    )
    return [functools.reduce(operator.add, summands) for summands in terms]
