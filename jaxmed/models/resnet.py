"""Residual networks for images and volumes: He et al. 2016, with 18, 34 or 50 layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxmed import checks
from jaxmed.models.intermediates import named
from jaxmed.models.layers.layers import BatchNorm, Conv, Dropout, images_or_volumes
from jaxmed.models.stages import one_depth_a_stage, pooled
from jaxmed.typing import Array, Float, Option

Norm = Callable[..., nn.Module]
"""Called as `norm(name=...)` or `norm(name=..., scale_init=...)`, with what the scale starts from,
makes a layer that is called as `layer(x, train=..., mask=...)`."""
Stem = Literal["small", "imagenet"]


class ResNetStages(nn.Module):
    """A stem and stages of residual blocks: an image or a volume to a map of features.

    Every stage but the first halves the sides, rounded up. Zeros are padded equally on both
    sides, as where the published networks were trained (`"SAME"` would shift the strided windows
    of an even side by a pixel). Intermediate values: `stem`, `stage1`, `stage2`, ...

    Attributes:
        depths: residual blocks of each stage.
        widths: channels of each stage, as many numbers as `depths`; 4 times as many leave a
            stage of bottlenecks.
        bottleneck: blocks of windows 1, 3 and 1 instead of 3 and 3.
        stem: "small", a 3-wide convolution, for sides of about 28 to 64 pixels; "imagenet", a
            7-wide one with stride 2 and a 3-wide max pool with stride 2, for about 224.
        norm: makes a normalisation layer, called with `name` and mostly with `scale_init`:
            `layers.BatchNorm`, `layers.GroupNorm` or `functools.partial(layers.GroupNorm,
            groups=4)`.
        rematerialize: compute each block again in the backward pass instead of keeping what is
            inside it: less memory, about a third more time.
    """

    depths: Sequence[int] = (2, 2, 2, 2)
    widths: Sequence[int] = (64, 128, 256, 512)
    bottleneck: bool = False
    stem: Stem = "small"
    norm: Norm = BatchNorm
    rematerialize: bool = False

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *reduced features"]:
        """[batch, *space, channels], 2 or 3 dimensions of space, to a map of features."""
        self._check(x)
        window, stride = (3, 1) if self.stem == "small" else (7, 2)
        x = _convolution(self.widths[0], window, stride, x.ndim - 2, "stem_conv")(x)
        x = jax.nn.relu(self.norm(name="stem_norm")(x, train=train, mask=mask))
        x = named(self, "stem", x if self.stem == "small" else overlapping_max_pool(x))
        make = nn.remat(ResidualBlock, static_argnums=2) if self.rematerialize else ResidualBlock
        for stage, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), 1):
            for number in range(1, depth + 1):
                stride = 2 if stage > 1 and number == 1 else 1
                name = f"stage{stage}_block{number}"
                x = make(width, stride, self.bottleneck, self.norm, name=name)(x, train, mask)
            x = named(self, f"stage{stage}", x)
        return x

    def _check(self, x: Array) -> None:
        images_or_volumes(x)
        checks.known("stem", self.stem, ("small", "imagenet"))
        one_depth_a_stage(self.widths, self.depths)


class ResidualBlock(nn.Module):
    """relu(x + F(x)), F of two convolutions, or of the three of a bottleneck.

    The scale of F's last norm starts at zero, so that every block starts as the identity (Goyal et
    al. 2017, section 5.1). A bottleneck strides in its 3-wide convolution, as torchvision's does.
    Where shapes change, x goes through a 1-wide convolution and a norm (He et al. 2016, option B).
    """

    width: int
    stride: int = 1
    bottleneck: bool = False
    norm: Norm = BatchNorm

    @nn.compact
    def __call__(self, x: Array, train: bool, mask: Array | None) -> Array:
        """[batch, *space, channels] -> [batch, *ceil(space / stride), width or 4 width]."""
        wide, space = self.width * (4 if self.bottleneck else 1), x.ndim - 2
        plan = [(3, self.width, self.stride), (3, self.width, 1)]  # window, features, stride
        if self.bottleneck:
            plan = [(1, self.width, 1), (3, self.width, self.stride), (1, wide, 1)]
        y = x
        for number, (window, features, stride) in enumerate(plan, 1):
            last = number == len(plan)
            start = nn.initializers.zeros if last else nn.initializers.ones
            y = _convolution(features, window, stride, space, f"conv{number}")(y)
            y = self.norm(name=f"norm{number}", scale_init=start)(y, train=train, mask=mask)
            y = y if last else jax.nn.relu(y)
        if self.stride > 1 or x.shape[-1] != wide:
            x = _convolution(wide, 1, self.stride, space, "shortcut_conv")(x)
            x = self.norm(name="shortcut_norm")(x, train=train, mask=mask)
        return jax.nn.relu(x + y)


class ResNet(nn.Module):
    """`ResNetStages`, the mean of its features and a linear layer.

    The stages' variables are under `encoder`. Intermediate values: those of the stages, such as
    `encoder/stage4`, and `pooled`. Convolutions start as in He et al. 2015, without bias; the
    linear layer as in LeCun et al. 1998, with a bias of zero.

    Attributes:
        outputs: logits of the classes, or 1 to regress.
        depths, widths, bottleneck, stem, norm, rematerialize: as in `ResNetStages`.
        dropout: probability of dropping a feature before the linear layer, in [0, 1).

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

    def features(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch channels"]:
        """What the linear layer reads, for probes: `apply(..., method="features")`."""
        return named(self, "pooled", pooled(self.encoder(x, train=train, mask=mask)))

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch outputs"]:
        """[batch, height, width, channels] or a volume [batch, depth, ...] -> [batch, outputs]."""
        x = Dropout(self.dropout)(self.features(x, train=train, mask=mask), train=train)
        return nn.Dense(self.outputs, dtype=x.dtype, name="head")(x)


def resnet18(outputs: int, **options: Any) -> ResNet:
    """18 layers: 4 stages of 2 blocks. 11.7 million parameters with 1,000 classes.

    Args:
        outputs: logits of the classes, or 1 to regress.
        **options: attributes of `ResNet`, such as `stem`, `widths`, `norm` or `dropout`.
    """
    return ResNet(outputs, (2, 2, 2, 2), **options)


def resnet34(outputs: int, **options: Any) -> ResNet:
    """34 layers: stages of 3, 4, 6 and 3 blocks. 21.8 million parameters; else as `resnet18`."""
    return ResNet(outputs, (3, 4, 6, 3), **options)


def resnet50(outputs: int, **options: Any) -> ResNet:
    """50 layers: as `resnet34`, of bottlenecks. 25.6 million parameters; else as `resnet18`."""
    return ResNet(outputs, (3, 4, 6, 3), bottleneck=True, **options)


def overlapping_max_pool(
    x: Float[Array, "batch *space channels"],
) -> Float[Array, "batch *reduced channels"]:
    """Maximum over 3-wide windows, 2 apart, of numbers that are not negative.

    Args:
        x: [batch, *space, channels], at least 0, as ReLU leaves it.

    Returns:
        [batch, *ceil(space / 2), channels].
    """
    for axis in range(1, x.ndim - 1):
        # Zeros around serve as well as minus infinity, as nothing is below zero; and where zeros
        # tie, ReLU passes no gradient on, so that it does not matter how they share it. Others
        # tie in bfloat16, whose 8 bits hold few numbers: they share a gradient that
        # `lax.reduce_window` gives to the first, of the same sum.
        padded = jnp.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(x.ndim)])
        reach = 2 * ((x.shape[axis] + 1) // 2) - 1
        copies = (lax.slice_in_dim(padded, i, i + reach, 2, axis) for i in range(3))
        x = functools.reduce(jnp.maximum, copies)
    return x


def _convolution(features: int, window: int, stride: int, space: int, name: str) -> Conv:
    padding = ((window // 2, window // 2),) * space
    return Conv(features, (window,) * space, (stride,) * space, padding, use_bias=False, name=name)
