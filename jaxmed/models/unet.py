"""U-Nets: a class for each pixel or voxel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, Conv, InstanceNorm
from jaxmed.models.layers.pooling import block_means
from jaxmed.models.layers.upsampling import Upsample
from jaxmed.typing import Array, Float

Stride = int | Sequence[int]


def _leaky_relu(x: Array) -> Array:
    """A positive x as it is, a hundredth of any other. Maas et al. 2013."""
    return jax.nn.leaky_relu(x)


class UNet(nn.Module):
    """An encoder whose stages shrink the image, and a decoder that returns to its size.

    Each stage of the decoder reads what the stage below has found, enlarged, beside what the
    encoder has found at its own size. Ronneberger et al. 2015; Cicek et al. 2016 in three
    dimensions; instance norm and leaky ReLU as in nnU-Net (Isensee et al. 2021). Where the first
    stage has a stride too, a last layer enlarges the logits to the size of the image: most of the
    work then happens on smaller maps.

    Intermediate values: `stage1` (finest) and so on of the encoder, `decoded1` and so on.

    Attributes:
        outputs: logits of each pixel: one per class.
        widths: channels of each stage, the finest first.
        strides: of the first convolution of each stage, as many as `widths`: a number for all axes
            or one per axis, such as (1, 2, 2) where slices are thick. By default 1, then 2.
        depths: convolutions of each stage of the encoder; by default 2 each. Stages of the decoder
            have as many, but at most 2.
        residual: whether each stage adds its input to what its convolutions find, which makes
            deeper stages trainable.
        norm: makes a normalization layer, called with its `name`: `layers.InstanceNorm`,
            `layers.GroupNorm` or `layers.BatchNorm`.
        activation: the non-linearity.
        deep_supervision: whether training also reads logits of the coarser stages of the decoder,
            but the two coarsest; the task compares them with labels of their size.
    """

    outputs: int
    widths: Sequence[int] = (16, 32, 64, 128)
    strides: Sequence[Stride] | None = None
    depths: Sequence[int] | None = None
    residual: bool = False
    norm: Callable[..., nn.Module] = InstanceNorm
    activation: Activation = _leaky_relu
    deep_supervision: bool = False

    def __post_init__(self) -> None:
        input_checks.attributes(
            self,
            counts="outputs",
            sizes="widths depths",
            functions="norm activation",
            flags="residual deep_supervision",
        )
        if not self.widths:
            raise ValueError("widths is (), but must name at least one stage.")
        if self.strides is not None:
            object.__setattr__(self, "strides", _whole_strides(self.strides))
        for name in ("strides", "depths"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.widths):
                raise ValueError(
                    f"{name} is {given}, but widths names {len(self.widths)} stages: give one for "
                    "each."
                )
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False, mask: Array | None = None) -> Any:
        """Compute the logits.

        Args:
            x: images or volumes [batch, *space, channels], floating, of any size; each side is
                padded to a multiple of the product of the strides and cropped back.
            train: whether batch normalization uses the statistics of the batch, and whether
                `deep_supervision` returns all logits.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, *space, outputs]; in training with `deep_supervision` a tuple, finest first,
            of the sizes of the stages.

        Raises:
            ValueError: if `x` is not floating images or volumes with as many axes as `strides`
                names, or has sides that the strides do not divide in training with
                `deep_supervision`: labels of the coarser stages would not fit.
        """
        input_checks.images_or_volumes(x)
        space = x.shape[1:-1]
        strides = self._strides(len(space))
        supervised = self.deep_supervision and train
        # Also while the variables are made, which tasks do in evaluation.
        needs_all = supervised or (self.deep_supervision and self.is_initializing())
        sides = [math.prod(of_axis) for of_axis in zip(*strides, strict=True)]
        if supervised and any(n % side for n, side in zip(space, sides, strict=True)):
            raise ValueError(
                f"x has shape {x.shape}, but with deep_supervision its sides must be multiples of "
                f"{tuple(sides)} in training: crop or pad the images and their labels."
            )
        x = _padded(x, sides)
        depths = self.depths or (2,) * len(self.widths)
        ones = (1,) * len(space)
        skips = []
        for number, (width, stride, depth) in enumerate(
            zip(self.widths, strides, depths, strict=True), 1
        ):
            x = self._stage(width, stride, depth, f"encoder{number}")(x, train=train, mask=mask)
            x = capture(self, f"stage{number}", x)
            skips.append(x)
        x, logits = skips.pop(), []
        for number in reversed(range(1, len(self.widths))):
            x = Upsample(self.widths[number - 1], strides[number], name=f"up{number}")(x)
            x = jnp.concatenate([x, skips.pop()], axis=-1)
            depth = min(2, depths[number - 1])
            stage = self._stage(self.widths[number - 1], ones, depth, f"decoder{number}")
            x = capture(self, f"decoded{number}", stage(x, train=train, mask=mask))
            if needs_all and 1 < number < len(self.widths) - 1:
                logits.append(Upsample(self.outputs, ones, name=f"head{number}")(x))
        finest = Upsample(self.outputs, strides[0], name="head")(x)
        finest = finest[(slice(None), *(slice(side) for side in space))]
        return (finest, *reversed(logits)) if supervised else finest

    def _stage(self, width: int, stride: Sequence[int], depth: int, name: str) -> nn.Module:
        return UNetStage(
            width, tuple(stride), depth, self.residual, self.norm, self.activation, name=name
        )

    def _strides(self, axes: int) -> list[tuple[int, ...]]:
        given = self.strides or (1,) + (2,) * (len(self.widths) - 1)
        strides = [
            (stride,) * axes if isinstance(stride, int) else tuple(stride) for stride in given
        ]
        for stride in strides:
            if len(stride) != axes:
                raise ValueError(
                    f"strides holds {stride}, but must hold one number for each of the {axes} axes "
                    "of x."
                )
        return strides


class UNetStage(nn.Module):
    """Convolutions of side 3, each with a norm and a non-linearity; the first has the stride."""

    width: int
    stride: Sequence[int]
    depth: int
    residual: bool
    norm: Callable[..., nn.Module]
    activation: Activation

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool, mask: Array | None
    ) -> Float[Array, "batch *reduced width"]:
        """[batch, *space, channels] -> [batch, *(space / stride), width]."""
        axes, given = x.ndim - 2, x
        for number in range(1, self.depth + 1):
            strides = tuple(self.stride) if number == 1 else (1,) * axes
            # The norm has a bias, so the convolution needs none.
            x = Conv(
                self.width, (3,) * axes, strides, ((1, 1),) * axes, False, name=f"conv{number}"
            )(x)
            x = self.norm(name=f"norm{number}")(x, train=train, mask=mask)
            if number < self.depth or not self.residual:
                x = self.activation(x)
        if not self.residual:
            return x
        return self.activation(x + self._shortcut(given))

    def _shortcut(self, x: Array) -> Array:
        axes = x.ndim - 2
        if math.prod(self.stride) > 1:
            x = block_means(x, self.stride)
        if x.shape[-1] != self.width:
            x = Conv(self.width, (1,) * axes, use_bias=False, name="shortcut")(x)
        return x


def _padded(x: Array, sides: Sequence[int]) -> Array:
    """Zeros behind each axis, up to a multiple of these sides."""
    missing = [(0, -n % side) for n, side in zip(x.shape[1:-1], sides, strict=True)]
    return jnp.pad(x, [(0, 0), *missing, (0, 0)]) if any(map(max, missing)) else x


def _whole_strides(strides: Any) -> tuple[int | tuple[int, ...], ...]:
    """One number or one tuple per stage; refused unless all have the same number of axes."""
    found = tuple(
        checks.wholes(f"strides[{number}]", stride)
        if _holds_several(stride)
        else checks.whole(f"strides[{number}]", stride)
        for number, stride in enumerate(checks.sequence("strides", strides, "numbers or tuples"))
    )
    axes = {len(stride) for stride in found if isinstance(stride, tuple)}
    if len(axes) > 1 or not axes <= {2, 3}:
        raise ValueError(
            f"strides is {found}, but must hold numbers, or tuples of one number per axis of the "
            "image: 2 or 3 in all of them."
        )
    return found


def _holds_several(stride: Any) -> bool:
    is_sequence = isinstance(stride, Sequence) and not isinstance(stride, str | bytes)
    return is_sequence or getattr(stride, "ndim", 0) > 0
