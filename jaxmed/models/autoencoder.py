"""Autoencoders: an image to a few latent numbers and back.

An encoder is any network that returns [batch, latent], such as `MLP` or `ImageEncoder`. A decoder
is called as `decoder(latent, train=..., mask=...)` and returns the shape that the encoder reads.
Each is applied by itself with `apply(..., method="encode")` and `method="decode"`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.layers import Activation
from jaxmed.models.mlp import MLP
from jaxmed.typing import Array, Float


class Autoencoder(nn.Module):
    """decoder(encoder(x)).

    With a linear encoder and decoder and the squared error it finds the subspace of a principal
    component analysis (Baldi and Hornik 1989). With convolutions on images:
    `Autoencoder(ImageEncoder(32, ConvStages()), ImageDecoder((28, 28, 1)))`.

    Attributes:
        encoder: [batch, *space, channels] -> [batch, latent].
        decoder: [batch, latent] -> [batch, *space, channels].
    """

    encoder: nn.Module
    decoder: nn.Module

    def __post_init__(self) -> None:
        input_checks.attributes(self, modules="encoder decoder")
        super().__post_init__()

    def encode(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch latent"]:
        """[batch, *space, channels] -> [batch, latent]."""
        return self.encoder(x, train=train, mask=mask)

    def decode(self, latent: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """[batch, latent] -> [batch, *space, channels]."""
        return self.decoder(latent, train=train, mask=mask)

    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """The reconstruction [batch, *space, channels]."""
        return self.decode(self.encode(x, train=train, mask=mask), train=train, mask=mask)


class VariationalAutoencoder(nn.Module):
    """q(z|x), a Gaussian with diagonal covariance, and the parameters of p(x|z).

    Kingma and Welling 2014, section 3. The encoder returns the means and then the logarithms of
    the variances; the decoder returns logits or means, depending on the likelihood.

    Attributes:
        encoder: [batch, *space, channels] -> [batch, 2 latent].
        decoder: [batch, latent] -> [batch, *space, channels].
    """

    encoder: nn.Module
    decoder: nn.Module

    def __post_init__(self) -> None:
        input_checks.attributes(self, modules="encoder decoder")
        super().__post_init__()

    def encode(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> tuple[Float[Array, "batch latent"], Float[Array, "batch latent"]]:
        """[batch, *space, channels] -> mean and log-variance of each latent number [batch, latent].

        Raises:
            ValueError: if the encoder has an odd number of outputs.
        """
        both = self.encoder(x, train=train, mask=mask)
        if both.shape[1] % 2:
            raise ValueError(
                f"encoder gives {both.shape[1]} outputs, but must give a mean and a variance for "
                "each latent number: use an even number."
            )
        mean, log_variance = jnp.split(both, 2, axis=1)
        return mean, log_variance

    def decode(self, latent: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """[batch, latent] -> logits or means of p(x|z) [batch, *space, channels]."""
        return self.decoder(latent, train=train, mask=mask)

    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """The decoded mean of q(z|x), [batch, *space, channels]."""
        mean, _ = self.encode(x, train=train, mask=mask)
        return self.decode(mean, train=train, mask=mask)


class Sum(nn.Module):
    """The sum of several networks, such as a linear one and one for its residual.

    Attributes:
        parts: networks with equal inputs and outputs.
    """

    parts: Sequence[nn.Module]

    def __post_init__(self) -> None:
        parts = checks.sequence("parts", self.parts, "networks")
        if not parts:
            raise ValueError("parts is (), but must hold at least one network.")
        for number, part in enumerate(parts):
            input_checks.network(f"parts[{number}]", part)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """The shape that each part returns."""
        first, *others = (part(x, train=train, mask=mask) for part in self.parts)
        return sum(others, start=first)


class ImageEncoder(nn.Module):
    """A backbone and a linear layer on its whole map, so that places are not averaged away.

    Attributes:
        outputs: latent numbers; twice as many for a `VariationalAutoencoder`.
        stages: a backbone, such as `ConvStages()`.
    """

    outputs: int
    stages: nn.Module

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs", modules="stages")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, *space, channels] -> [batch, outputs]."""
        x = self.stages(x, train=train, mask=mask)
        return nn.Dense(self.outputs, dtype=x.dtype)(x.reshape(x.shape[0], -1))


class DenseDecoder(nn.Module):
    """A perceptron whose outputs are reshaped to an image.

    Attributes:
        shape: of the output, (*space, channels).
        widths: units of each hidden layer; none gives a linear decoder.
        activation: the non-linearity.
    """

    shape: Sequence[int]
    widths: Sequence[int] = ()
    activation: Activation = jax.nn.relu

    def __post_init__(self) -> None:
        input_checks.attributes(self, sizes="shape widths", functions="activation")
        if not self.shape:
            raise ValueError("shape is (), but must be (*space, channels).")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch latent"], *, train: bool = False, mask: Array | None = None
    ) -> Array:
        """[batch, latent] -> [batch, *shape]."""
        layers = MLP(self.widths, math.prod(self.shape), activation=self.activation)
        return layers(x, train=train, mask=mask).reshape(x.shape[0], *self.shape)
