"""Maxima over time, whose gradients compare no rounded values.

The gradient of `max` looks for the places that equal the maximum. XLA may compute them twice, with
other roundings, so that none does: the gradient is then wrong, or 0 / 0. Here a comparison of two
values chooses one of them, in the gradient too.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from jaxmed.typing import Array, Float


def pooled_in_time(
    x: Float[Array, "batch time channels"], window: int
) -> Float[Array, "batch reduced channels"]:
    """Maximum over adjoining windows; times that fill no window are left out.

    Args:
        x: [batch, time, channels].
        window: side of the window and stride.

    Raises:
        ValueError: if the signal is shorter than the window.
    """
    reduced = x.shape[1] // window
    if not reduced:
        raise ValueError(
            f"window is {window}, but the pooled signal has {x.shape[1]} times: use fewer stages "
            "or longer signals."
        )
    return functools.reduce(larger, (x[:, n : reduced * window : window] for n in range(window)))


def max_of_three(x: Float[Array, "batch time channels"]) -> Float[Array, "batch time channels"]:
    """The maximum of each value and its neighbors in time."""
    before = jnp.concatenate([x[:, :1], x[:, :-1]], axis=1)
    after = jnp.concatenate([x[:, 1:], x[:, -1:]], axis=1)
    return larger(larger(x, before), after)


def max_over_all_time(x: Float[Array, "batch time channels"]) -> Float[Array, "batch channels"]:
    """The maximum of each channel; where several are equal, the gradient goes to the first."""
    place = jax.lax.stop_gradient(x).argmax(axis=1)
    return jnp.take_along_axis(x, place[:, None], axis=1)[:, 0]


def larger(a: Array, b: Array) -> Array:
    """The larger of two values; the gradient goes to the first where they are equal."""
    return jnp.where(a >= b, a, b)
