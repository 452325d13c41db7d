"""Convolutional networks: the introduction's, and a deeper one that wins on small images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from jaxmed.models.layers.layers import Activation, BatchNorm, Bias, Conv, Dropout, max_pool
from jaxmed.models.stages import convolved, pooled
from jaxmed.typing import Array, Option


class SimpleCNN(nn.Module):
    """One 3 x 3 convolution without padding, ReLU, a 2 x 2 max pool and a linear layer.

    On 28 x 28 x 1 images with 32 features and 10 outputs: 54,410 parameters.

    Attributes:
        outputs: logits of the classes.
        features: channels of the convolution.
    """

    outputs: int
    features: int = 32

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """[batch, height, width, channels] -> [batch, outputs]."""
        del train, mask
        x = Conv(self.features, (3, 3), padding="VALID", use_bias=False)(x)
        # Adding the bias and ReLU are monotone, so the pool may come first: the same numbers,
        # with a quarter of the elements to touch in both.
        x = jax.nn.relu(Bias()(max_pool(x)))
        return nn.Dense(self.outputs, dtype=x.dtype)(x.reshape(x.shape[0], -1))


class ConvNet(nn.Module):
    """Stages of 3-wide convolutions, normalised, with a max pool between one stage and the next.

    Then the mean of each channel and a linear layer. Works on signals, images and volumes: the
    input decides the number of dimensions.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        widths: channels of each stage; every stage but the last halves the sides.
        depths: convolutions of each stage, as many numbers as `widths`.
        norm: makes a normalisation layer, called without arguments: `layers.BatchNorm`,
            `layers.GroupNorm` or `functools.partial(layers.GroupNorm, groups=4)`.
        activation: the non-linearity.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).
    """

    outputs: int
    widths: Sequence[int] = (32, 64, 128)
    depths: Sequence[int] = (1, 1, 2)
    norm: Callable[[], nn.Module] = BatchNorm
    activation: Activation = jax.nn.relu
    dropout: Option = 0.0

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Array:
        """[batch, *space, channels] -> [batch, outputs]."""
        x = convolved(
            x,
            self.widths,
            self.depths,
            norm=self.norm,
            activation=self.activation,
            train=train,
            mask=mask,
        )
        x = Dropout(self.dropout)(pooled(x), train=train)
        return nn.Dense(self.outputs, dtype=x.dtype)(x)
