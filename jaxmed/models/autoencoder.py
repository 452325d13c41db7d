"""Autoencoders: an image to a few numbers and back.

An encoder is any network that gives [batch, latent], such as `MLP` or `ImageEncoder`; a decoder
is called as `decoder(latent, train=..., mask=...)` and gives what the encoder read. The two are
applied one by one, `apply(..., method="encode")` and `method="decode"`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed.models.layers.layers import Activation, Conv, GroupNorm
from jaxmed.models.mlp import MLP
from jaxmed.typing import Array, Float


class Autoencoder(nn.Module):
    """The decoder of the encoder: with linear ones, the subspace of a principal component analysis.

    Baldi and Hornik 1989. With convolutions on images: `Autoencoder(ImageEncoder(32,
    ConvStages()), ImageDecoder((28, 28, 1)))`.

    Attributes:
        encoder: [batch, *space, channels] -> [batch, latent].
        decoder: [batch, latent] -> [batch, *space, channels].
    """

    encoder: nn.Module
    decoder: nn.Module

    def encode(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch latent"]:
        """The latent numbers."""
        return self.encoder(x, train=train, mask=mask)

    def decode(self, latent: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """The image that latent numbers stand for."""
        return self.decoder(latent, train=train, mask=mask)

    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """The reconstruction [batch, *space, channels]."""
        return self.decode(self.encode(x, train=train, mask=mask), train=train, mask=mask)


class VariationalAutoencoder(nn.Module):
    """q(z|x), a Gaussian with diagonal covariance, and what p(x|z) is made of.

    Kingma and Welling 2014, section 3. The encoder gives the means and, behind them, the
    logarithms of the variances; the decoder gives logits or means, as the likelihood reads them.

    Attributes:
        encoder: [batch, *space, channels] -> [batch, 2 latent].
        decoder: [batch, latent] -> [batch, *space, channels].
    """

    encoder: nn.Module
    decoder: nn.Module

    def encode(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """Mean and logarithm of the variance of each latent number."""
        both = self.encoder(x, train=train, mask=mask)
        if both.shape[1] % 2:
            raise ValueError(
                f"encoder gives {both.shape[1]} outputs, but must give a mean and a variance for "
                "each latent number: make it an even number."
            )
        mean, log_variance = jnp.split(both, 2, axis=1)
        return mean, log_variance

    def decode(self, latent: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """Logits or means of p(x|z)."""
        return self.decoder(latent, train=train, mask=mask)

    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """What is decoded from the mean of q(z|x)."""
        mean, _ = self.encode(x, train=train, mask=mask)
        return self.decode(mean, train=train, mask=mask)


class Sum(nn.Module):
    """The sum of what several networks give, such as a linear one and what it leaves over.

    Attributes:
        parts: networks with equal inputs and outputs.
    """

    parts: Sequence[nn.Module]

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """As each part gives it."""
        first, *others = (part(x, train=train, mask=mask) for part in self.parts)
        return sum(others, start=first)


class ImageEncoder(nn.Module):
    """A backbone and a linear layer over all of its map, which keeps what is where.

    Attributes:
        outputs: latent numbers; twice as many for a `VariationalAutoencoder`.
        stages: a backbone, such as `ConvStages()`.
    """

    outputs: int
    stages: nn.Module

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, *space, channels] -> [batch, outputs]."""
        x = self.stages(x, train=train, mask=mask)
        return nn.Dense(self.outputs, dtype=x.dtype)(x.reshape(x.shape[0], -1))


class ImageDecoder(nn.Module):
    """From latent numbers, or a map of features, to an image or volume of twice the sides a stage.

    A convolution makes the channels of all the pixels that one place becomes, which are then laid
    out side by side: cheaper than a convolution over the larger image (Shi et al. 2016, section
    3.2, sub-pixel convolution).

    Attributes:
        shape: of what is made, (*space, channels).
        widths: channels at each size, coarsest first; the sides double once a width. Where they
            do not halve evenly, a map may have them rounded down, as `ConvStages` does, or up, as
            `ResNetStages` does; of latent numbers a map is made with sides rounded down.
        norm: makes a normalisation layer.
        activation: the non-linearity.
    """

    shape: Sequence[int]
    widths: Sequence[int] = (64, 32)
    norm: Callable[[], nn.Module] = GroupNorm
    activation: Activation = jax.nn.relu

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *space channels"]:
        """[batch, latent], or [batch, *coarsest, features] -> [batch, *shape]."""
        space, channels = self.shape[:-1], self.shape[-1]
        if not self.widths or min(self.widths) < 1:
            raise ValueError(
                f"widths is {tuple(self.widths)}, but must name at least one size, and at least 1 "
                "channel at each."
            )
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
            x = _fitted(x, size)
        return x

    def _sizes(self, x: Array) -> list[tuple[int, ...]]:
        """The sides of what is made, and of every map on the way to it, largest first."""
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


class DenseDecoder(nn.Module):
    """A perceptron whose outputs are laid out as an image.

    Attributes:
        shape: of what is made, (*space, channels).
        widths: units of each hidden layer; none gives a linear decoder.
        activation: the non-linearity.
    """

    shape: Sequence[int]
    widths: Sequence[int] = ()
    activation: Activation = jax.nn.relu

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch latent"], *, train: bool = False, mask: Array | None = None
    ) -> Array:
        """[batch, latent] -> [batch, *shape]."""
        layers = MLP(self.widths, math.prod(self.shape), activation=self.activation)
        return layers(x, train=train, mask=mask).reshape(x.shape[0], *self.shape)


def depth_to_space(x: Float[Array, "batch *space deep"]) -> Float[Array, "batch *doubled channels"]:
    """Lay groups of 2^n channels out as 2 x ... x 2 pixels; n the number of spatial dimensions.

    Raises:
        ValueError: if the channels are no multiple of 2^n.
    """
    space = x.shape[1:-1]
    n = len(space)
    if x.shape[-1] % 2**n:
        raise ValueError(
            f"x has {x.shape[-1]} channels, but must have a multiple of {2**n}: each pixel becomes "
            f"{2**n}."
        )
    x = x.reshape(x.shape[0], *space, *(2,) * n, -1)
    turns = [axis for i in range(n) for axis in (1 + i, 1 + n + i)]
    x = x.transpose(0, *turns, 2 * n + 1)
    return x.reshape(x.shape[0], *(2 * side for side in space), x.shape[-1])


def _fitted(x: Array, space: Sequence[int]) -> Array:
    """Leave out the last row or column where a side is too long, repeat it where too short."""
    x = x[(slice(None), *(slice(side) for side in space))]
    missing = [(0, wanted - side) for wanted, side in zip(space, x.shape[1:-1], strict=True)]
    return jnp.pad(x, [(0, 0), *missing, (0, 0)], mode="edge") if any(map(max, missing)) else x
