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
import itertools
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
    rows = x.shape[len(sides) : -1]
    count = PRODUCTS ** len(sides)
    products = jnp.matmul(
        x.reshape(count, math.prod(rows), x.shape[-1]),
        _kernel_sums(kernel),
        precision=lax.Precision.HIGHEST,
    )
    y = _join_tiles(products.reshape(count, -1), (*rows[1:], features))
    return y[(slice(None), *(slice(side) for side in sides))]


def tiled_size(sides: Sequence[int]) -> int:
    """Number of pixels computed for an image or volume with these sides, rounded up to tiles.

    >>> tiled_size((5, 5))
    64
    """
    return math.prod(side + -side % OUTPUTS for side in sides)


def _kernel_sums(kernel: Array) -> Array:
    """[3, ..., channels, features] -> [6 x ..., channels, features]."""
    axes, (channels, features) = kernel.ndim - 2, kernel.shape[-2:]
    # The last dimension comes outermost, as in the tiles.
    kernel = kernel.transpose(*reversed(range(axes)), axes, axes + 1)
    sums = _sums_along(_OF_KERNEL, axes, kernel.reshape(3**axes, -1))
    return sums.reshape(-1, channels, features)


def _tile_sums(x: Array, axis: int) -> Array:
    """[..., 4 tiles, ...] -> [6, ..., tiles, ...]: the input of each product per tile."""
    before, behind = x.shape[:axis], x.shape[axis + 1 :]
    inner = _unstack(x.reshape(*before, x.shape[axis] // OUTPUTS, OUTPUTS, *behind), axis + 1)
    pixels = [_shift(inner[-1], axis, 1), *inner, _shift(inner[0], axis, -1)]
    # Without the barrier XLA would compute these sums again in each sum that uses them.
    return lax.optimization_barrier(jnp.stack(_weighted_sums(_OF_PIXELS, pixels)))


def _join_tiles(products: Array, shape: Sequence[int]) -> Array:
    """[6 x ..., all] -> [batch, *space, features]: four outputs of each tile and dimension.

    Args:
        products: the last dimension outermost.
        shape: [*tiles, features] of one product. The length of the batch follows from it; in an
            exported program it is a symbol.
    """
    axes = len(shape) - 1
    if axes == 3:
        # One matrix would have 64 x 216 numbers, eight times as many multiplications as here.
        y = products.reshape(*(PRODUCTS,) * axes, -1, *shape)
        for number in reversed(range(axes)):
            parts = _weighted_sums(_OF_PRODUCTS, _unstack(y, 0))
            y = lax.optimization_barrier(_interleaved(parts, 2 * number + 1))
        return y
    y = _sums_along(_OF_PRODUCTS, axes, products).reshape(*(OUTPUTS,) * axes, -1, *shape)
    # Behind the tiles of each dimension come its outputs.
    pairs = [(axes + 1 + number, axes - 1 - number) for number in range(axes)]
    y = y.transpose(axes, *itertools.chain(*pairs), 2 * axes + 1)
    sides = [OUTPUTS * tiles for tiles in shape[:-1]]
    return lax.optimization_barrier(y.reshape(-1, *sides, shape[-1]))


def _interleaved(parts: Sequence[Array], axis: int) -> Array:
    """Four arrays [..., tiles, ...] -> [..., 4 tiles, ...]."""
    whole = list(parts[0].shape)
    whole[axis] *= OUTPUTS
    return jnp.stack(parts, axis + 1).reshape(whole)


def _sums_along(weights: np.ndarray, axes: int, x: Array) -> Array:
    """Weighted sums along each of several dimensions of the same length, as one matrix product.

    One product is compiled in half the time of sums along one dimension after another. For images
    it is as fast.

    Args:
        weights: [sums, length], the same for every dimension.
        axes: number of dimensions.
        x: [length x ..., all].

    Returns:
        [sums x ..., all].
    """
    matrix = functools.reduce(np.kron, [weights] * axes)
    return jnp.matmul(jnp.asarray(matrix, x.dtype), x, precision=lax.Precision.HIGHEST)


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
