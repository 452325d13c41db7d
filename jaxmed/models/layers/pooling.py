"""Pooling over space, with gradients that are fast on every backend.

XLA computes the gradient of `reduce_window` slowly on a CPU, so max pooling is written without it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxmed import checks
from jaxmed.typing import Array, Float


def max_pool(
    x: Float[Array, "batch *space channels"], window: int = 2
) -> Float[Array, "batch *reduced channels"]:
    """Maximum over adjoining windows; rows and columns that fill no window are left out.

    The gradient goes to the first maximum of each window, as `lax.reduce_window`'s does.

    Args:
        x: [batch, *space, channels].
        window: side of the window and stride, in pixels.

    Returns:
        [batch, *(space // window), channels].

    Raises:
        ValueError: if `window` is not positive, or the input is narrower than the window.

    >>> max_pool(jnp.asarray([3.0, 1, 4, 1, 5]).reshape(1, 5, 1)).ravel().tolist()
    [3.0, 4.0]
    """
    window = checks.whole("window", window)
    narrowest = min(x.shape[1:-1])
    if narrowest < window:
        raise ValueError(
            f"window is {window}, but the pooled image is only {narrowest} wide: "
            "use fewer pooling stages or larger images."
        )
    whole = (slice(n - n % window) for n in x.shape[1:-1])
    return _max_of_windows(x[(slice(None), *whole)], window)


def overlapping_max_pool(
    x: Float[Array, "batch *space channels"],
) -> Float[Array, "batch *reduced channels"]:
    """Maximum over windows of side 3 and stride 2, for values that are not negative.

    The pool behind the first convolution of a residual network. He et al. 2016, table 1.

    Args:
        x: [batch, *space, channels], at least 0, such as the output of ReLU.

    Returns:
        [batch, *ceil(space / 2), channels].
    """
    for axis in range(1, x.ndim - 1):
        # As nothing is below zero, padding with zeros is as good as with minus infinity. Where
        # zeros tie, ReLU passes no gradient on, so it does not matter how they share it. Other
        # ties, which bfloat16 has, share a gradient that `lax.reduce_window` gives to the first.
        padded = jnp.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(x.ndim)])
        reach = 2 * ((x.shape[axis] + 1) // 2) - 1
        copies = (lax.slice_in_dim(padded, i, i + reach, 2, axis) for i in range(3))
        x = functools.reduce(jnp.maximum, copies)
    return x


def block_means(
    x: Float[Array, "batch *space channels"], sides: Sequence[int]
) -> Float[Array, "batch *reduced channels"]:
    """Mean of each block of neighboring pixels.

    Args:
        x: [batch, *space, channels], whose axes are multiples of the sides.
        sides: of a block, one per axis of space.

    Returns:
        [batch, *(space // sides), channels].
    """
    return _windows(x, sides).mean(tuple(range(2, 2 * len(sides) + 1, 2)))


def global_mean_pool(
    features: Float[Array, "batch *space channels"],
) -> Float[Array, "batch channels"]:
    """Mean of each channel over all places, summed in float32. Lin et al. 2014, section 3.2.

    Args:
        features: [batch, *space, channels].

    Returns:
        [batch, channels], of the same type.
    """
    places = tuple(range(1, features.ndim - 1))
    return features.mean(axis=places, dtype=jnp.float32).astype(features.dtype)


def _windows(x: Array, sides: Sequence[int]) -> Array:
    """[batch, *space, channels] -> [batch, (space // side, side) per dimension, channels]."""
    split = itertools.chain.from_iterable(
        (n // side, side) for n, side in zip(x.shape[1:-1], sides, strict=True)
    )
    return x.reshape(x.shape[0], *split, x.shape[-1])


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max_of_windows(x: Array, window: int) -> Array:
    return _windows(x, (window,) * (x.ndim - 2)).max(axis=tuple(range(2, 2 * x.ndim - 2, 2)))


@_max_of_windows.defjvp
def _max_of_windows_jvp(
    window: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    sides = (window,) * (x.ndim - 2)
    largest, values = _max_of_windows(x, window), _windows(x, sides)
    places = list(itertools.product(range(window), repeat=x.ndim - 2))
    # The backward pass then needs one number per window, not one mask per place.
    first = jnp.full(largest.shape, len(places) - 1, jnp.int32)
    for number in reversed(range(len(places) - 1)):
        inside = itertools.chain.from_iterable((slice(None), i) for i in places[number])
        first = jnp.where(values[(slice(None), *inside)] == largest, number, first)
    inner = tuple(range(2, 2 * x.ndim - 2, 2))
    numbers = jnp.arange(len(places), dtype=jnp.int32).reshape(1, *(1, window) * (x.ndim - 2), 1)
    chosen = jnp.expand_dims(first, inner) == numbers
    return largest, jnp.where(chosen, _windows(tangent, sides), 0).sum(inner)
