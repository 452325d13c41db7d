"""The convolutional decoder of autoencoders."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models import input_checks
from jaxmed.models.layers import Activation, Conv, GroupNorm
from jaxmed.models.layers.upsampling import blocks_to_space
from jaxmed.typing import Array, Float


class ImageDecoder(nn.Module):
    """From latent numbers, or a map of features, to an image or volume; stages double the sides.

    A convolution computes the channels of all pixels that one place becomes, which are then
    rearranged: cheaper than a convolution on the larger image (Shi et al. 2016, section 3.2,
    sub-pixel convolution).

    Attributes:
        shape: of the output, (*space, channels).
        widths: channels at each size, coarsest first; the sides double once per width. Odd sides
            of a map may be halved and rounded down, as `ConvStages` does, or up, as `ResNetStages`
            does; from latent numbers they are rounded down.
        norm: makes a normalization layer, called without arguments.
        activation: the non-linearity.
    """

    shape: Sequence[int]
    widths: Sequence[int] = (64, 32)
    norm: Callable[[], nn.Module] = GroupNorm
    activation: Activation = jax.nn.relu

    def __post_init__(self) -> None:
        input_checks.attributes(self, sizes="shape widths", functions="norm activation")
        if len(self.shape) < 2:
            raise ValueError(f"shape is {self.shape}, but must be (*space, channels).")
        if not self.widths:
            raise ValueError("widths is (), but must name at least one size.")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *space channels"]:
        """Decode.

        Args:
            x: [batch, latent], or a map [batch, *coarsest, features].
            train: whether batch normalization uses the statistics of the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, *shape].

        Raises:
            ValueError: if the length of `widths` does not lead from `x` to `shape`.
        """
        space, channels = self.shape[:-1], self.shape[-1]
        sizes = self._sizes(x)
        coarsest, *larger = reversed(sizes)
        window = (3,) * len(space)
        if x.ndim == 2:
            x = nn.Dense(math.prod(coarsest) * self.widths[0], dtype=x.dtype)(x)
            x = x.reshape(x.shape[0], *coarsest, self.widths[0])
        else:
            x = Conv(self.widths[0], window)(x)
        for width, size in zip([*self.widths[1:], channels], larger, strict=True):
            x = self.activation(self.norm()(x, train=train, mask=mask))
            x = depth_to_space(Conv(width * 2 ** len(space), window)(x))
            x = _crop_or_repeat(x, size)
        return x

    def _sizes(self, x: Array) -> list[tuple[int, ...]]:
        """The sides of the output and of every map before it, largest first."""
        space, steps = tuple(self.shape[:-1]), range(len(self.widths) + 1)
        down = [tuple(side >> step for side in space) for step in steps]
        up = [tuple(-(-side >> step) for side in space) for step in steps]
        if x.ndim == 2:
            if min(down[-1]) < 1:
                raise ValueError(
                    f"widths names {len(self.widths)} doublings, but the shape "
                    f"{tuple(self.shape)} cannot be halved as often: give fewer widths."
                )
            return down
        for sizes in (down, up):
            if x.shape[1:-1] == sizes[-1]:
                return sizes
        raise ValueError(
            f"x has shape {x.shape}, but {len(self.widths)} doublings to {space} begin at "
            f"{down[-1]}, or at {up[-1]} rounded up: give the decoder as many widths as the "
            "encoder halves the sides."
        )


def depth_to_space(x: Float[Array, "batch *space deep"]) -> Float[Array, "batch *doubled channels"]:
    """Rearrange groups of 2^n channels as 2 x ... x 2 pixels, with n spatial dimensions.

    Args:
        x: [batch, *space, 2^n channels].

    Returns:
        [batch, *(2 space), channels].

    Raises:
        ValueError: if the number of channels is not a multiple of 2^n.

    >>> depth_to_space(jnp.arange(6.0).reshape(1, 3, 2)).ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """
    n = x.ndim - 2
    if x.shape[-1] % 2**n:
        raise ValueError(
            f"x has {x.shape[-1]} channels, but must have a multiple of {2**n}: each pixel becomes "
            f"{2**n}."
        )
    return blocks_to_space(x, (2,) * n)


def _crop_or_repeat(x: Array, space: Sequence[int]) -> Array:
    """Crop the last row or column where a side is too long, repeat it where too short."""
    x = x[(slice(None), *(slice(side) for side in space))]
    missing = [(0, length - side) for length, side in zip(space, x.shape[1:-1], strict=True)]
    return jnp.pad(x, [(0, 0), *missing, (0, 0)], mode="edge") if any(map(max, missing)) else x
