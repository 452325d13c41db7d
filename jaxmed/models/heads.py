"""Heads on a backbone: what predicts labels, compares views or restores pixels.

All keep the variables of the backbone under the name `encoder`, so that a backbone pretrained
under one head can initialize a network with another: see `initialized_from` in
`jaxmed.transforms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Dropout, global_mean_pool
from jaxmed.typing import Array, Float, Option


def pooled_features(
    self: Any, x: Array, *, train: bool = False, mask: Array | None = None
) -> Float[Array, "batch channels"]:
    """Mean over all places of the map of the backbone: `apply(..., method="features")`.

    The method `features` of every network with a backbone named `encoder`. Its result is the
    intermediate value `pooled`, for probes and for distances between images.

    Args:
        self: the network.
        x: [batch, *space, channels].
        train: as in the backbone.
        mask: 1 for real rows, 0 for padding [batch].

    Returns:
        [batch, channels of the map].
    """
    return capture(self, "pooled", global_mean_pool(self.encoder(x, train=train, mask=mask)))


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

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs", rates="dropout", modules="encoder")
        super().__post_init__()

    features = pooled_features

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, *space, channels] -> [batch, outputs]."""
        x = self.features(x, train=train, mask=mask)
        x = Dropout(self.dropout, name="drop")(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)


class Projector(nn.Module):
    """A backbone, the mean of its features and a small perceptron, to compare views with.

    The perceptron is discarded after pretraining: the features before it serve other tasks
    better. Chen et al. 2020 (SimCLR), section 4.2.

    Attributes:
        encoder: a backbone, such as `ConvStages()`.
        widths: of the layers of the perceptron; the output of the last one is compared.
    """

    encoder: nn.Module
    widths: Sequence[int] = (128, 64)

    def __post_init__(self) -> None:
        input_checks.attributes(self, sizes="widths", modules="encoder")
        if not self.widths:
            raise ValueError("widths is (), but must name at least one layer.")
        super().__post_init__()

    features = pooled_features

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch projection"]:
        """[batch, *space, channels] -> [batch, widths[-1]], not normalized in length."""
        x = self.features(x, train=train, mask=mask)
        for number, width in enumerate(self.widths):
            x = jax.nn.relu(x) if number else x
            x = nn.Dense(width, dtype=x.dtype, name=f"head_{number}")(x)
        return x


class MaskedAutoencoder(nn.Module):
    """A backbone that reads an image with hidden patches, and a small decoder that restores it.

    He et al. 2022 leave the hidden patches out of the sequence of a transformer. A convolution
    needs the grid, so here they are zeros, as in Pathak et al. 2016, section 3.

    Attributes:
        encoder: a backbone, such as `ConvStages()`.
        decoder: a map of features to an image, such as `ImageDecoder(shape, (64, 32))`, with as
            many widths as the backbone halves the sides.
    """

    encoder: nn.Module
    decoder: nn.Module

    def __post_init__(self) -> None:
        input_checks.attributes(self, modules="encoder decoder")
        super().__post_init__()

    features = pooled_features

    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *space channels"]:
        """[batch, *space, channels] -> the whole image, of the same shape."""
        return self.decoder(self.encoder(x, train=train, mask=mask), train=train, mask=mask)
