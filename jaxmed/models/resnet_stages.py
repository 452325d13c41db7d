"""The backbone of residual networks. He et al. 2016."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.conv_stages import one_depth_per_stage
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import BatchNorm, Conv, overlapping_max_pool
from jaxmed.typing import Array, Float

Norm = Callable[..., nn.Module]
"""Makes a layer `layer(x, train=..., mask=...)`; called as `norm(name=...)` or
`norm(name=..., scale_init=...)`, with the initializer of the scale."""
Stem = Literal["small", "imagenet"]


class ResNetStages(nn.Module):
    """The backbone of a residual network: a stem and stages of residual blocks.

    An image or volume to a map of features. Every stage but the first halves the sides, rounded
    up. Zeros are padded equally on both sides, as in the published networks; `"SAME"` would shift
    the strided windows of an even side by one pixel. Intermediate values: `stem`, `stage1`,
    `stage2`, ...

    Attributes:
        depths: residual blocks of each stage.
        widths: channels of each stage, as many numbers as `depths`; a stage of bottlenecks has 4
            times as many outputs.
        bottleneck: whether blocks have windows of 1, 3 and 1 instead of 3 and 3.
        stem: "small", a convolution of side 3, for images of about 28 to 64 pixels; "imagenet",
            one of side 7 and stride 2 and a max pool of side 3 and stride 2, for about 224.
        norm: makes a normalization layer: `layers.BatchNorm`, `layers.GroupNorm` or
            `functools.partial(layers.GroupNorm, groups=4)`.
        rematerialize: whether to compute each block again in the backward pass instead of keeping
            its values: less memory, about a third more time.
    """

    depths: Sequence[int] = (2, 2, 2, 2)
    widths: Sequence[int] = (64, 128, 256, 512)
    bottleneck: bool = False
    stem: Stem = "small"
    norm: Norm = BatchNorm
    rematerialize: bool = False

    def __post_init__(self) -> None:
        input_checks.attributes(
            self, sizes="depths widths", functions="norm", flags="bottleneck rematerialize"
        )
        checks.known("stem", self.stem, ("small", "imagenet"))
        one_depth_per_stage(self.widths, self.depths)
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *reduced features"]:
        """Compute the map of features.

        Args:
            x: images or volumes [batch, *space, channels], floating.
            train: whether batch normalization uses the statistics of the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, *reduced, widths[-1]], or 4 widths[-1] of bottlenecks.

        Raises:
            ValueError: if `x` is not floating images or volumes.
        """
        input_checks.images_or_volumes(x)
        window, stride = (3, 1) if self.stem == "small" else (7, 2)
        x = _convolution(self.widths[0], window, stride, x.ndim - 2, "stem_conv")(x)
        x = jax.nn.relu(self.norm(name="stem_norm")(x, train=train, mask=mask))
        x = capture(self, "stem", x if self.stem == "small" else overlapping_max_pool(x))
        make = nn.remat(ResidualBlock, static_argnums=2) if self.rematerialize else ResidualBlock
        for stage, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True), 1):
            for number in range(1, depth + 1):
                stride = 2 if stage > 1 and number == 1 else 1
                name = f"stage{stage}_block{number}"
                x = make(width, stride, self.bottleneck, self.norm, name=name)(x, train, mask)
            x = capture(self, f"stage{stage}", x)
        return x


class ResidualBlock(nn.Module):
    """relu(x + F(x)), with F of two convolutions, or of three in a bottleneck.

    The scale of the last norm of F starts at zero, so that every block starts as the identity
    (Goyal et al. 2017, section 5.1). A bottleneck has its stride in the convolution of side 3, as
    in torchvision. Where shapes change, x passes a convolution of side 1 and a norm (He et al.
    2016, option B).

    Attributes:
        width: channels inside the block.
        stride: of the block, in pixels.
        bottleneck: as in `ResNetStages`.
        norm: as in `ResNetStages`.
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


def _convolution(features: int, window: int, stride: int, space: int, name: str) -> Conv:
    padding = ((window // 2, window // 2),) * space
    return Conv(features, (window,) * space, (stride,) * space, padding, use_bias=False, name=name)
