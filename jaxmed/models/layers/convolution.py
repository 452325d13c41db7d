"""Convolution in the form that is fastest on a backend; all forms are numerically equal.

XLA runs convolutions inside a compiled loop slowly on a CPU (jax issue 12868). So on a CPU, and
only there, a convolution is matrix products: of fewer numbers by Winograd's filtering where the
windows allow it, else of patches. The tests hold all forms to within 3e-5 of the largest result.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax

from jaxmed.models.layers.winograd import tiled, winograd_convolution
from jaxmed.typing import Array, Float

Padding = Literal["SAME", "VALID"] | Sequence[tuple[int, int]]


def convolution(
    x: Float[Array, "batch *space channels"],
    kernel: Float[Array, "*window channels features"],
    *,
    strides: Sequence[int] | None = None,
    padding: Padding = "SAME",
) -> Float[Array, "batch *reduced features"]:
    """Convolve channels-last input in 1, 2 or 3 dimensions.

    Args:
        x: [batch, *space, channels].
        kernel: [*window, channels, features].
        strides: one a spatial dimension, 1 by default.
        padding: "SAME" surrounds the input with zeros, "VALID" does not; or how many zeros stand
            before and behind, a pair for each spatial dimension.

    Returns:
        [batch, *reduced, features]; under "SAME" reduced is ceil(space / strides).

    XLA's "SAME" pads the sides of an even input unequally where it strides; pairs say otherwise.
    """
    strides = tuple(strides or (1,) * (kernel.ndim - 2))
    if jax.default_backend() != "cpu":
        return lax_convolution(x, kernel, strides, padding)
    if _filtered(x, kernel, strides, padding):
        return winograd_convolution(x, kernel)
    return patches_convolution(x, kernel, strides, padding)


def _filtered(x: Array, kernel: Array, strides: Sequence[int], padding: Padding) -> bool:
    """Whether Winograd's filtering applies and pays: see "Speed" in experiments/README.md."""
    *window, channels, _ = kernel.shape
    sides = x.shape[1:-1]
    if set(window) != {3} or set(strides) != {1} or x.dtype != jnp.float32:
        return False
    if isinstance(padding, str):
        one_around = padding == "SAME"
    else:
        one_around = all(tuple(pair) == (1, 1) for pair in padding)
    # Whole tiles may be much more than a small image: of 5 x 5 pixels they make 8 x 8.
    large_enough = min(sides) >= 3 and tiled(sides) <= 2.5 * math.prod(sides)
    return one_around and channels >= 16 and large_enough


def lax_convolution(
    x: Array, kernel: Array, strides: Sequence[int], padding: Padding = "SAME"
) -> Array:
    """`convolution` by XLA's own operation."""
    space = "DHW"[-len(strides) :]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=layout)


def patches_convolution(
    x: Array, kernel: Array, strides: Sequence[int], padding: Padding = "SAME"
) -> Array:
    """`convolution` as one matrix product: shifted copies of `x`, joined, times the kernel."""
    window, features = kernel.shape[:-2], kernel.shape[-1]
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:-1], window, strides, padding)
    columns = _columns(jnp.pad(x, [(0, 0), *padding, (0, 0)]), window, strides)
    product = columns.reshape(-1, columns.shape[-1]) @ kernel.reshape(-1, features)
    return product.reshape(*columns.shape[:-1], features)


def _columns(x: Array, window: Sequence[int], strides: Sequence[int]) -> Array:
    """[batch, *space, channels] -> [batch, *reduced, all that each window sees]."""
    axes = tuple(range(1, x.ndim - 1))
    # In volumes one axis after the other: a 7-wide window is then 21 copies, and not 343.
    for together in [axes] if len(axes) < 3 else [(axis,) for axis in reversed(axes)]:
        copies = []
        for offsets in itertools.product(*(range(window[axis - 1]) for axis in together)):
            first, last, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
            for axis, offset in zip(together, offsets, strict=True):
                first[axis], steps[axis] = offset, strides[axis - 1]
                last[axis] -= window[axis - 1] - 1 - offset
            copies.append(lax.slice(x, first, last, steps))
        x = jnp.concatenate(copies, axis=-1)
    return x
