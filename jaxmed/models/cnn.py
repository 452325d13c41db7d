"""Convolutional networks: that of introductory texts, and a deeper one for small images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from jaxmed.models import input_checks
from jaxmed.models.conv_stages import ConvStages, one_depth_per_stage
from jaxmed.models.heads import pooled_features
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, BatchNorm, Bias, Conv, Dropout, max_pool
from jaxmed.typing import Array, Float, Option


class SimpleCNN(nn.Module):
    """One 3 x 3 convolution without padding, ReLU, a 2 x 2 max pool and a linear layer.

    On 28 x 28 x 1 images with 32 features and 10 outputs: 54,410 parameters.

    Attributes:
        outputs: logits of the classes.
        features: channels of the convolution.
    """

    outputs: int
    features: int = 32

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="outputs features")
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, height, width, channels] -> [batch, outputs]."""
        del train, mask
        x = Conv(self.features, (3, 3), padding="VALID", use_bias=False)(x)
        # Adding the bias and ReLU are monotone, so the pool may come first: the same numbers,
        # with a quarter of the elements to compute in both.
        x = capture(self, "stage1", jax.nn.relu(Bias()(max_pool(x))))
        return nn.Dense(self.outputs, dtype=x.dtype)(x.reshape(x.shape[0], -1))


class ConvNet(nn.Module):
    """`ConvStages`, the mean of each channel and a linear layer, for signals, images and volumes.

    The number of spatial dimensions is that of the input.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        widths: channels of each stage; every stage but the last halves the sides.
        depths: convolutions of each stage, as many numbers as `widths`.
        norm: makes a normalization layer, called without arguments: `layers.BatchNorm`,
            `layers.GroupNorm` or `functools.partial(layers.GroupNorm, groups=4)`.
        activation: the non-linearity.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).

    >>> import jax.numpy as jnp
    >>> network = ConvNet(outputs=3, widths=(4, 8), depths=(1, 1))
    >>> x = jnp.ones((2, 28, 28, 1))
    >>> network.apply(network.init(jax.random.key(0), x), x).shape
    (2, 3)
    """

    outputs: int
    widths: Sequence[int] = (32, 64, 128)
    depths: Sequence[int] = (1, 1, 2)
    norm: Callable[[], nn.Module] = BatchNorm
    activation: Activation = jax.nn.relu
    dropout: Option = 0.0

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs",
            sizes="widths depths",
            rates="dropout",
            functions="norm activation",
        )
        one_depth_per_stage(self.widths, self.depths)
        super().__post_init__()

    def setup(self) -> None:
        """The stages; called by Flax."""
        self.encoder = ConvStages(self.widths, self.depths, self.norm, self.activation)
        # Saved models have the variables of the stages at the top, without `encoder`.
        nn.share_scope(self, self.encoder)

    features = pooled_features

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: [batch, *space, channels], floating.
            train: whether dropout draws and batch normalization uses the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, outputs].

        Raises:
            ValueError: as in `ConvStages`.
        """
        x = self.features(x, train=train, mask=mask)
        x = Dropout(self.dropout)(x, train=train)
        return nn.Dense(self.outputs, dtype=x.dtype)(x)
