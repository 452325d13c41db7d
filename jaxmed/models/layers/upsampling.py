"""Enlarging images and volumes by learned weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.layers.convolution import Bias
from jaxmed.typing import Array, Float


class Upsample(nn.Module):
    """A transposed convolution whose window is its stride: one product, and no overlaps.

    Every pixel becomes a block of pixels. Variables: `kernel` [channels, block x features], where
    the pixels of a block are in the order of its axes; `bias/value` [features].

    Attributes:
        features: output channels.
        factors: how many pixels a pixel becomes, one number per axis; 1 is a plain linear layer.
    """

    features: int
    factors: Sequence[int]

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="features", sizes="factors")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch *space channels"]
    ) -> Float[Array, "batch *enlarged features"]:
        """[batch, *space, channels] -> [batch, *(space x factors), features].

        Raises:
            ValueError: if `factors` has not one number per axis.
        """
        space, channels = x.shape[1:-1], x.shape[-1]
        if len(self.factors) != len(space):
            raise ValueError(
                f"factors is {tuple(self.factors)}, but must have one number for each of the "
                f"{len(space)} axes of x."
            )
        count = math.prod(self.factors)
        kernel = self.param(
            "kernel", nn.initializers.he_normal(), (channels, count * self.features)
        )
        y = x.reshape(-1, channels) @ kernel.astype(x.dtype)
        return Bias(name="bias")(blocks_to_space(y.reshape(*x.shape[:-1], -1), self.factors))


def blocks_to_space(x: Array, factors: Sequence[int]) -> Array:
    """[batch, *space, block x features] -> [batch, *(space x factors), features].

    The pixels of a block are in the order of the axes, the last one fastest.
    """
    if math.prod(factors) == 1:
        return x
    batch, *space, _ = x.shape
    axes = len(space)
    x = x.reshape(batch, *space, *factors, -1)
    turns = [axis for i in range(axes) for axis in (1 + i, 1 + axes + i)]
    x = x.transpose(0, *turns, 2 * axes + 1)
    sides = (side * factor for side, factor in zip(space, factors, strict=True))
    return jnp.reshape(x, (batch, *sides, -1))
