"""Residual networks of 18, 34 or 50 layers for images and volumes. He et al. 2016."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flax.linen as nn

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.conv_stages import one_depth_per_stage
from jaxmed.models.heads import pooled_features
from jaxmed.models.layers import BatchNorm, Dropout
from jaxmed.models.resnet_stages import Norm, ResNetStages, Stem
from jaxmed.typing import Array, Float, Option


def resnet18(outputs: int, **options: Any) -> ResNet:
    """18 layers: 4 stages of 2 blocks. 11.7 million parameters with 1,000 classes.

    Args:
        outputs: logits of the classes, or 1 to regress.
        **options: attributes of `ResNet`, such as `stem`, `widths`, `norm` or `dropout`.
    """
    return ResNet(outputs, (2, 2, 2, 2), **options)


def resnet34(outputs: int, **options: Any) -> ResNet:
    """34 layers: stages of 3, 4, 6 and 3 blocks. 21.8 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        **options: attributes of `ResNet`, as in `resnet18`.
    """
    return ResNet(outputs, (3, 4, 6, 3), **options)


def resnet50(outputs: int, **options: Any) -> ResNet:
    """50 layers: as `resnet34`, of bottlenecks. 25.6 million parameters.

    Args:
        outputs: logits of the classes, or 1 to regress.
        **options: attributes of `ResNet`, as in `resnet18`.
    """
    return ResNet(outputs, (3, 4, 6, 3), bottleneck=True, **options)


class ResNet(nn.Module):
    """`ResNetStages`, the mean of its features and a linear layer.

    The variables of the stages are under `encoder`. Intermediate values: those of the stages, such
    as `encoder/stage4`, and `pooled`. Convolutions start as in He et al. 2015, without bias; the
    linear layer as in LeCun et al. 1998, with a bias of zero.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        depths, widths, bottleneck, stem, norm, rematerialize: as in `ResNetStages`.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).

    >>> import jax
    >>> import jax.numpy as jnp
    >>> network = resnet18(9)  # on 28 x 28 x 3 images, as in MedMNIST
    >>> shapes = jax.eval_shape(
    ...     lambda key: network.init(key, jnp.ones((1, 28, 28, 3))), jax.random.key(0)
    ... )
    >>> sum(leaf.size for leaf in jax.tree.leaves(shapes["params"]))
    11173449
    """

    outputs: int
    depths: Sequence[int] = (2, 2, 2, 2)
    widths: Sequence[int] = (64, 128, 256, 512)
    bottleneck: bool = False
    stem: Stem = "small"
    norm: Norm = BatchNorm
    dropout: Option = 0.0
    rematerialize: bool = False

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs",
            sizes="depths widths",
            rates="dropout",
            functions="norm",
            flags="bottleneck rematerialize",
        )
        checks.known("stem", self.stem, ("small", "imagenet"))
        one_depth_per_stage(self.widths, self.depths)
        super().__post_init__()

    def setup(self) -> None:
        """The stages; called by Flax."""
        self.encoder = ResNetStages(
            self.depths,
            self.widths,
            self.bottleneck,
            self.stem,
            self.norm,
            self.rematerialize,
        )

    features = pooled_features

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """Compute logits.

        Args:
            x: images [batch, height, width, channels] or volumes [batch, depth, ...], floating.
            train: whether dropout draws and batch normalization uses the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, outputs].

        Raises:
            ValueError: as in `ResNetStages`.
        """
        x = Dropout(self.dropout)(self.features(x, train=train, mask=mask), train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)
