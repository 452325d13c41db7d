"""Convolution of few channels: neighboring pixels of a line become channels of one matrix product.

With 1 to 8 channels the columns of a patch are so short that moving them takes far longer than
multiplying. Here a line is cut into blocks of neighboring outputs, and the pixels that a block
depends on are its inputs: the kernel becomes a banded matrix from those pixels to these outputs.
Zeros in it are multiplied too, which costs less than what is not moved.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmed.typing import Array


def packed_convolution(
    x: Array,
    kernel: Array,
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    *,
    outputs: int,
) -> Array:
    """`convolution` by banded matrices along the last spatial dimension.

    Args:
        x: [batch, *space, channels], in 1, 2 or 3 dimensions.
        kernel: [*window, channels, features].
        strides: one per spatial dimension.
        padding: zeros before and after, one pair per spatial dimension.
        outputs: neighboring outputs of a block.

    Returns:
        [batch, *reduced, features].
    """
    *others, window = kernel.shape[:-2]
    stride, features = strides[-1], kernel.shape[-1]
    blocks = _blocks(x, window, stride, padding[-1], outputs)
    matrices = _banded(kernel, stride, outputs)
    *outer, inner = range(len(others)) if others else (None,)
    if inner is not None:
        axis = inner + 1
        blocks = jnp.pad(
            blocks,
            [(0, 0), *padding[:-1], (0, 0), (0, 0)],
        )
        blocks = jnp.concatenate(
            [_taken(blocks, axis, i, others[inner], strides[inner]) for i in range(others[inner])],
            axis=-1,
        )
    matrices = matrices.reshape(*(others[i] for i in outer), -1, outputs * features)
    if outer:
        y = functools.reduce(
            operator.add,
            (
                _taken(blocks, 1, i, others[0], strides[0]) @ matrices[i]
                for i in range(others[0])
            ),
        )
    else:
        y = blocks @ matrices
    y = y.reshape(*y.shape[:-2], y.shape[-2] * outputs, features)
    length = (x.shape[-2] + sum(padding[-1]) - window) // stride + 1
    return lax.slice_in_dim(y, 0, length, axis=-2 + y.ndim)


def _blocks(
    x: Array, window: int, stride: int, padding: tuple[int, int], outputs: int
) -> Array:
    """[..., line, channels] -> [..., blocks, pixels that a block depends on and their channels]."""
    *_, line, channels = x.shape
    length = (line + sum(padding) - window) // stride + 1
    count, step = -(-length // outputs), outputs * stride
    behind = (count + 1) * step - line - padding[0]
    edges = [(0, 0, 0)] * (x.ndim - 2) + [(padding[0], behind, 0), (0, 0, 0)]
    x = lax.pad(x, jnp.zeros((), x.dtype), edges)
    x = x.reshape(*x.shape[:-2], count + 1, step * channels)
    more = max(0, window - stride) * channels
    own = lax.slice_in_dim(x, 0, count, axis=x.ndim - 2)
    if not more:
        return own
    following = lax.slice_in_dim(x, 1, count + 1, axis=x.ndim - 2)[..., :more]
    return jnp.concatenate([own, following], axis=-1)


def _banded(kernel: Array, stride: int, outputs: int) -> Array:
    """[*window, channels, features] -> [*other windows, pixels x channels, outputs x features]."""
    *others, window, channels, features = kernel.shape
    pixels = outputs * stride + max(0, window - stride)
    at = np.arange(outputs)[None, None] * stride + np.arange(window)[:, None, None]
    places = (np.arange(pixels)[None, :, None] == at).astype(kernel.dtype)
    matrices = jnp.einsum("...kcf,kpq->...pcqf", kernel, places)
    return matrices.reshape(*others, pixels * channels, outputs * features)


def _taken(x: Array, axis: int, first: int, window: int, stride: int) -> Array:
    """What a place of the window sees along an axis."""
    last = x.shape[axis] - (window - 1 - first)
    return lax.slice_in_dim(x, first, last, stride, axis)
