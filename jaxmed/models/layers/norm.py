"""Normalization over the batch, groups of channels or places, equal under every placement."""

from __future__ import annotations

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from jaxmed import checks
from jaxmed.batch_axis import total
from jaxmed.models import input_checks
from jaxmed.typing import Array


class BatchNorm(nn.Module):
    """Batch normalization that ignores padding and is equal under every placement.

    y = scale (x - mean) / sqrt(variance + epsilon) + bias. In training the statistics are sums
    of (count, x, x^2) over the real rows of the whole batch, on all devices. They are kept in
    float32 whatever the inputs are. Ioffe and Szegedy 2015, algorithm 1.

    Variables: `params`: `scale`, `bias` [channels]; `batch_stats`: `mean`, `variance` [channels].

    Attributes:
        momentum: weight of the old statistics in the running averages, in [0, 1].
        epsilon: added to the variance.
        scale_init: initializer of the scale.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    def __post_init__(self) -> None:
        input_checks.attributes(self, numbers="epsilon", functions="scale_init")
        checks.fraction("momentum", self.momentum)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool, mask: Array | None = None) -> Array:
        """Normalize each channel.

        Args:
            x: [batch, ..., channels].
            train: whether to use the statistics of the batch and to update the running averages;
                needs `mutable=["batch_stats"]`.
            mask: 1 for real rows, 0 for padding [batch]; None if all rows are real. A batch of
                padding only leaves the running averages as they were.

        Returns:
            [batch, ..., channels], of the same type.
        """
        channels = x.shape[-1]
        scale = self.param("scale", self.scale_init, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,))
        variance = self.variable("batch_stats", "variance", jnp.ones, (channels,))
        if not train:
            return _affine(x, mean.value, variance.value + self.epsilon, scale, bias)

        batch_mean, batch_variance, count = _moments(x, mask)
        if not self.is_initializing():
            keep = jnp.where(count > 0, self.momentum, 1.0)
            mean.value = keep * mean.value + (1 - keep) * batch_mean
            variance.value = keep * variance.value + (1 - keep) * batch_variance
        return _affine(x, batch_mean, batch_variance + self.epsilon, scale, bias)


class GroupNorm(nn.Module):
    """Group normalization: no batch statistics, so nothing to synchronize. Wu and He 2018.

    Attributes:
        groups: must divide the channels; if there are fewer channels, each is its own group.
        epsilon: added to the variance.
        scale_init: initializer of the scale.
    """

    groups: int = 8
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="groups", numbers="epsilon", functions="scale_init")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool, mask: Array | None = None) -> Array:
        """Normalize each group of channels of each row; `train` and `mask` have no effect.

        Args:
            x: [batch, *space, channels].
            train: unused; for the same signature as `BatchNorm`.
            mask: unused.

        Returns:
            [batch, *space, channels], of the same type.

        Raises:
            ValueError: if `groups` does not divide the channels.
        """
        del train, mask
        channels = x.shape[-1]
        groups = min(self.groups, channels)
        if channels % groups:
            raise ValueError(
                f"groups is {groups}, but must divide the {channels} channels: use other widths, "
                f"or norm=functools.partial(GroupNorm, groups={math.gcd(groups, channels)})."
            )
        norm = nn.GroupNorm(groups, epsilon=self.epsilon, scale_init=self.scale_init)
        return norm(x).astype(x.dtype)


class InstanceNorm(nn.Module):
    """Instance normalization: each channel of each row by itself. Ulyanov et al. 2016.

    y = scale (x - mean) / sqrt(variance + epsilon) + bias, over the places of one row; of group
    normalization the case of one channel per group. Sums are in float32.

    Attributes:
        epsilon: added to the variance.
        scale_init: initializer of the scale.
    """

    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    def __post_init__(self) -> None:
        input_checks.attributes(self, numbers="epsilon", functions="scale_init")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array, *, train: bool, mask: Array | None = None) -> Array:
        """Normalize each channel of each row; `train` and `mask` have no effect.

        Args:
            x: [batch, *space, channels].
            train: unused; for the same signature as `BatchNorm`.
            mask: unused.

        Returns:
            [batch, *space, channels], of the same type.

        Raises:
            ValueError: if a row has one place only: what is left of it would be the bias.
        """
        del train, mask
        channels, places = x.shape[-1], tuple(range(1, x.ndim - 1))
        if math.prod(x.shape[1:-1]) == 1:
            raise ValueError(
                f"x has shape {x.shape}, but must have more than one place per row to normalize "
                "over: use larger images, smaller strides or norm=layers.GroupNorm."
            )
        scale = self.param("scale", self.scale_init, (channels,))
        bias = self.param("bias", nn.initializers.zeros, (channels,))
        wide = x.astype(jnp.float32)
        mean = wide.mean(places, keepdims=True)
        variance = jnp.square(wide - mean).mean(places, keepdims=True)
        row = (1,) * (x.ndim - 1)
        return _affine(
            x, mean, variance + self.epsilon, scale.reshape(*row, -1), bias.reshape(*row, -1)
        )


def _moments(x: Array, mask: Array | None) -> tuple[Array, Array, Array]:
    """Mean [channels], variance [channels] and count [] over the real rows of all devices."""
    x = x.astype(jnp.float32)
    every = tuple(range(x.ndim - 1))
    pixels = x[0, ..., 0].size
    if mask is None:
        sums = (jnp.float32(x.shape[0] * pixels), x.sum(every), (x * x).sum(every))
    else:
        real = mask.astype(jnp.float32).reshape(-1, *(1,) * (x.ndim - 1))
        kept = jnp.where(real > 0, x, 0)
        sums = (real.sum() * pixels, kept.sum(every), (kept * kept).sum(every))
    count, first, second = total(sums)
    divisor = jnp.maximum(count, 1)
    mean = first / divisor
    return mean, jnp.maximum(second / divisor - mean * mean, 0), count


def _affine(x: Array, mean: Array, variance: Array, scale: Array, bias: Array) -> Array:
    """Normalization and scale as one multiplication and one addition."""
    slope = scale * lax.rsqrt(variance)
    shift = bias - mean * slope
    slope, shift = (jnp.broadcast_to(v.astype(x.dtype), x.shape) for v in (slope, shift))
    return x * slope + shift
