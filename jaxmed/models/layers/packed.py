"""Convolution of few channels: neighboring voxels of a line become channels of one matrix product.

With up to 16 channels the columns of a patch are so short that moving them takes far longer than
multiplying. Here a line is cut into blocks of neighboring outputs, and the voxels that a block
depends on are its inputs: the kernel becomes a banded matrix from those voxels to these outputs.
Zeros in it are multiplied too, which costs less than what is not moved.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmed.typing import Array, Float


def packed_convolution(
    x: Float[Array, "batch depth height width channels"],
    kernel: Float[Array, "deep high wide channels features"],
    padding: Sequence[tuple[int, int]],
) -> Float[Array, "batch reduced_depth reduced_height reduced_width features"]:
    """`convolution` of volumes with stride 1 by banded matrices along their width.

    Args:
        x: [batch, depth, height, width, channels].
        kernel: [*window, channels, features].
        padding: zeros before and after, one pair per spatial dimension.

    Returns:
        [batch, *reduced, features].
    """
    deep, high, wide, _, features = kernel.shape
    # A block reads into the next one and no further, so it is at least a window less one long.
    outputs = max(wide - 1, min(8, max(2, 64 // features)))
    blocks = _blocks(x, wide, padding[2], outputs)
    blocks = jnp.pad(blocks, [(0, 0), *padding[:2], (0, 0), (0, 0)])
    blocks = jnp.concatenate([_shifted(blocks, 2, i, high) for i in range(high)], axis=-1)
    matrices = _banded(kernel, outputs)
    y = functools.reduce(
        operator.add, (_shifted(blocks, 1, i, deep) @ matrices[i] for i in range(deep))
    )
    y = y.reshape(*y.shape[:3], -1, features)
    return y[:, :, :, : x.shape[3] + sum(padding[2]) - wide + 1]


def _blocks(x: Array, window: int, padding: tuple[int, int], outputs: int) -> Array:
    """[..., width, channels] -> [..., blocks, voxels a block depends on and their channels]."""
    width, channels = x.shape[-2:]
    count = -(-(width + sum(padding) - window + 1) // outputs)
    behind = (count + 1) * outputs - width - padding[0]
    edges = [(0, 0, 0)] * (x.ndim - 2) + [(padding[0], behind, 0), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    x = x.reshape(*x.shape[:-2], count + 1, outputs * channels)
    more = (window - 1) * channels
    return jnp.concatenate([x[..., :-1, :], x[..., 1:, :more]], axis=-1)


def _banded(kernel: Array, outputs: int) -> Array:
    """[*window, channels, features] -> [deep, high x voxels x channels, outputs x features]."""
    deep, _, wide, _, features = kernel.shape
    voxels = outputs + wide - 1
    at = np.arange(outputs)[None, None] + np.arange(wide)[:, None, None]
    places = (np.arange(voxels)[None, :, None] == at).astype(kernel.dtype)
    matrices = jnp.einsum("dhwcf,wvo->dhvcof", kernel, places)
    return matrices.reshape(deep, -1, outputs * features)


def _shifted(x: Array, axis: int, first: int, window: int) -> Array:
    """What one place of the window sees along an axis."""
    return lax.slice_in_dim(x, first, x.shape[axis] - (window - 1 - first), axis=axis)
