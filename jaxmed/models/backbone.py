"""A convolutional backbone by itself, and the heads that learn with it: labels, views or pixels.

What is learned without labels starts a classifier because both keep the backbone's variables under
the name `encoder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from jaxmed.models.layers.layers import Activation, Dropout, GroupNorm
from jaxmed.models.stages import convolved, pooled
from jaxmed.typing import Array, Float, Option


class ConvStages(nn.Module):
    """Stages of 3-wide convolutions with a max pool between them: an image to a map of features.

    `ConvNet` without its mean and its linear layer, on signals, images and volumes. Group
    normalisation by default: views, corrupted images and few labels make odd batch statistics.

    Attributes:
        widths: channels of each stage; every stage but the last halves the sides.
        depths: convolutions of each stage; one each by default.
        norm: makes a normalisation layer, called without arguments: `layers.GroupNorm`,
            `layers.BatchNorm` or `functools.partial(layers.GroupNorm, groups=4)`.
        activation: the non-linearity.
    """

    widths: Sequence[int] = (32, 64, 128)
    depths: Sequence[int] | None = None
    norm: Callable[[], nn.Module] = GroupNorm
    activation: Activation = jax.nn.relu

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *reduced features"]:
        """[batch, *space, channels] to a map, its sides halved once a stage but the last, down."""
        depths = (1,) * len(self.widths) if self.depths is None else tuple(self.depths)
        return convolved(
            x,
            self.widths,
            depths,
            norm=self.norm,
            activation=self.activation,
            train=train,
            mask=mask,
        )


class PooledClassifier(nn.Module):
    """A backbone, the mean of its features and a linear layer.

    Attributes:
        outputs: logits of the classes, or 1.
        encoder: a backbone, such as `ConvStages()`.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).
    """

    outputs: int
    encoder: nn.Module
    dropout: Option = 0.0

    def features(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch channels"]:
        """What the linear layer reads, for probes: `apply(..., method="features")`."""
        return pooled(self.encoder(x, train=train, mask=mask))

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, *space, channels] -> [batch, outputs]."""
        x = self.features(x, train=train, mask=mask)
        x = Dropout(self.dropout, name="drop")(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)


class Projector(nn.Module):
    """A backbone, the mean of its features and a small perceptron on it, to compare views with.

    The perceptron is thrown away after the pretraining: the features before it serve other tasks
    better. Chen et al. 2020 (SimCLR), section 4.2.

    Attributes:
        encoder: a backbone, such as `ConvStages()`.
        widths: of the perceptron's layers; the last one is compared.
    """

    encoder: nn.Module
    widths: Sequence[int] = (128, 64)

    def features(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch channels"]:
        """What the perceptron reads, for probes: `apply(..., method="features")`."""
        return pooled(self.encoder(x, train=train, mask=mask))

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch projection"]:
        """[batch, *space, channels] -> [batch, widths[-1]], of any length."""
        x = self.features(x, train=train, mask=mask)
        for number, width in enumerate(self.widths):
            x = jax.nn.relu(x) if number else x
            x = nn.Dense(width, dtype=x.dtype, name=f"head_{number}")(x)
        return x


class MaskedAutoencoder(nn.Module):
    """A backbone reads an image with holes, a small decoder fills it in.

    He et al. 2022 leave the hidden patches out of a transformer's sequence; a convolution needs
    the grid, so here they are zeros (as in Pathak et al. 2016, section 3).

    Attributes:
        encoder: a backbone, such as `ConvStages()`.
        decoder: a map of features to an image, such as `ImageDecoder(shape, (64, 32))`, with as
            many widths as the backbone halves the sides.
    """

    encoder: nn.Module
    decoder: nn.Module

    def features(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch channels"]:
        """The mean of the backbone's map, for probes: `apply(..., method="features")`."""
        return pooled(self.encoder(x, train=train, mask=mask))

    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *space channels"]:
        """[batch, *space, channels] -> the whole image."""
        return self.decoder(self.encoder(x, train=train, mask=mask), train=train, mask=mask)
