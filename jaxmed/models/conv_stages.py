"""The convolutional backbone: stages of convolutions with max pools between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from jaxmed.models import input_checks
from jaxmed.models.intermediates import capture
from jaxmed.models.layers import Activation, Conv, GroupNorm, max_pool
from jaxmed.typing import Array, Float


class ConvStages(nn.Module):
    """Stages of normalized convolutions of side 3 with a max pool between them.

    An image, signal or volume to a map of features: `ConvNet` without its mean and its linear
    layer. Group normalization by default: views, corrupted images and small sets of labels make
    batch statistics unreliable. Intermediate values: `stage1` and so on.

    Attributes:
        widths: channels of each stage; every stage but the last halves the sides.
        depths: convolutions of each stage; one each by default.
        norm: makes a normalization layer, called without arguments: `layers.GroupNorm`,
            `layers.BatchNorm` or `functools.partial(layers.GroupNorm, groups=4)`.
        activation: the non-linearity.
    """

    widths: Sequence[int] = (32, 64, 128)
    depths: Sequence[int] | None = None
    norm: Callable[[], nn.Module] = GroupNorm
    activation: Activation = jax.nn.relu

    def __post_init__(self) -> None:
        input_checks.attributes(self, sizes="widths depths", functions="norm activation")
        one_depth_per_stage(self.widths, self._depths())
        super().__post_init__()

    @nn.compact
    def __call__(
        self, x: Array, *, train: bool = False, mask: Array | None = None
    ) -> Float[Array, "batch *reduced features"]:
        """Compute the map of features.

        Args:
            x: [batch, *space, channels], floating.
            train: whether batch normalization uses the statistics of the batch.
            mask: 1 for real rows, 0 for padding [batch].

        Returns:
            [batch, *reduced, widths[-1]], with each side halved once per stage but the last,
            rounded down.

        Raises:
            ValueError: if `x` is not floating or too small.
        """
        depths = self._depths()
        input_checks.floating(x)
        window = (3,) * (x.ndim - 2)
        for stage, (width, depth) in enumerate(zip(self.widths, depths, strict=True), 1):
            for layer in range(1, depth + 1):
                # The norm has a bias, so the convolution needs none.
                x = Conv(width, window, use_bias=False)(x)
                # Pooled before the norm, which then has a quarter of the elements to compute.
                if layer == depth and stage < len(self.widths):
                    x = max_pool(x)
                x = self.activation(self.norm()(x, train=train, mask=mask))
            x = capture(self, f"stage{stage}", x)
        return x

    def _depths(self) -> tuple[int, ...]:
        return (1,) * len(self.widths) if self.depths is None else tuple(self.depths)


def one_depth_per_stage(widths: Sequence[int], depths: Sequence[int]) -> None:
    """Refuse `widths` and `depths` unless they have the same length.

    Raises:
        ValueError: if the lengths differ or are 0.
    """
    widths, depths = tuple(widths), tuple(depths)
    if not widths:
        raise ValueError("widths is (), but must name at least one stage.")
    if len(widths) != len(depths):
        raise ValueError(
            f"depths is {depths}, but widths names {len(widths)} stages: give one depth per stage."
        )
