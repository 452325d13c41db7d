"""What networks of stages share: their check, convolutions between max pools, and the mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxmed.models.layers.layers import Activation, Conv, floating, max_pool
from jaxmed.typing import Array, Float


def one_depth_a_stage(widths: Sequence[int], depths: Sequence[int]) -> None:
    """Refuse `widths` and `depths` unless they are as many, at least one, and none below 1."""
    widths, depths = tuple(widths), tuple(depths)
    if not widths:
        raise ValueError("widths is (), but must name at least one stage.")
    if len(widths) != len(depths):
        raise ValueError(
            f"depths is {depths}, but widths names {len(widths)} stages: give one depth a stage."
        )
    for name, numbers in (("widths", widths), ("depths", depths)):
        if min(numbers) < 1:
            raise ValueError(f"{name} is {numbers}, but every stage must have at least 1.")


def convolved(
    x: Array,
    widths: Sequence[int],
    depths: Sequence[int],
    *,
    norm: Callable[[], nn.Module],
    activation: Activation,
    train: bool,
    mask: Array | None,
) -> Array:
    """Stages of 3-wide convolutions, normalised, with a max pool between one and the next.

    To be called inside a module's compact method, which then owns the layers. The pool stands
    before the normalisation of a stage's last convolution, which then has a quarter of the
    elements to touch.

    Args:
        x: [batch, *space, channels].
        widths: channels of each stage.
        depths: convolutions of each stage.
        norm: makes a normalisation layer.
        activation: the non-linearity.
        train: whether batch statistics are taken.
        mask: 1 for real rows, 0 for padding [batch].

    Returns:
        [batch, *reduced, widths[-1]], each side halved once a stage but the last, rounded down.
    """
    floating(x)
    one_depth_a_stage(widths, depths)
    window = (3,) * (x.ndim - 2)
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True), 1):
        for layer in range(1, depth + 1):
            # The norm has a bias of its own, which makes the convolution's superfluous.
            x = Conv(width, window, use_bias=False)(x)
            if layer == depth and stage < len(widths):
                x = max_pool(x)
            x = activation(norm()(x, train=train, mask=mask))
    return x


def pooled(features: Float[Array, "batch *space channels"]) -> Float[Array, "batch channels"]:
    """The mean of each channel over a map of features, summed in float32."""
    places = tuple(range(1, features.ndim - 1))
    return features.mean(axis=places, dtype=jnp.float32).astype(features.dtype)
