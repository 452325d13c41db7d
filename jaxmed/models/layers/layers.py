"""Layers whose gradient is fast on every backend and whose numbers do not depend on placement.

XLA computes the gradient of `reduce_window` slowly on a CPU, so a pool is written without it;
`jaxmed.models.layers.convolution` says what the convolutions are made of.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxmed import checks
from jaxmed.batch_axis import row_keys, total
from jaxmed.models.layers.convolution import Padding, convolution
from jaxmed.typing import Array, Float, Option

Activation = Callable[[Array], Array]


def floating(x: Array) -> None:
    """Refuse whole numbers, to whose type every kernel would be rounded."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x is {x.dtype}, but must be floating: normalise first, see jaxmed.data.inputs."
        )


def images_or_volumes(x: Array) -> None:
    """Refuse `x` unless it has a batch, 2 or 3 dimensions of space, channels, and is floating."""
    if x.ndim not in (4, 5):
        raise ValueError(
            f"x has shape {x.shape}, but must be images [batch, height, width, channels] or "
            "volumes [batch, depth, height, width, channels]: one channel has an axis too."
        )
    floating(x)


def max_pool(
    x: Float[Array, "batch *space channels"], window: int = 2
) -> Float[Array, "batch *reduced channels"]:
    """Maximum over adjoining windows; rows and columns that fill no window are left out.

    The gradient goes to the first maximum of each window, as `lax.reduce_window`'s does.

    Args:
        x: [batch, *space, channels].
        window: side of the window and stride, in pixels.

    Returns:
        [batch, *(space // window), channels].

    Raises:
        ValueError: if the input is narrower than the window.
    """
    checks.positive("window", window)
    narrowest = min(x.shape[1:-1])
    if narrowest < window:
        raise ValueError(
            f"window is {window}, but the pooled image is only {narrowest} wide: "
            "use fewer pooling stages or larger images."
        )
    whole = (slice(n - n % window) for n in x.shape[1:-1])
    return _max_windows(x[(slice(None), *whole)], window)


def _windows(x: Array, window: int) -> Array:
    """[batch, *space, channels] -> [batch, (space // window, window) a dimension, channels]."""
    split = itertools.chain.from_iterable((n // window, window) for n in x.shape[1:-1])
    return x.reshape(x.shape[0], *split, x.shape[-1])


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max_windows(x: Array, window: int) -> Array:
    return _windows(x, window).max(axis=tuple(range(2, 2 * x.ndim - 2, 2)))


@_max_windows.defjvp
def _max_windows_jvp(
    window: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    largest, values = _max_windows(x, window), _windows(x, window)
    places = list(itertools.product(range(window), repeat=x.ndim - 2))
    # The backward pass then needs the winner's number alone, and not a mask for every place.
    first = jnp.full(largest.shape, len(places) - 1, jnp.int32)
    for number in reversed(range(len(places) - 1)):
        inside = itertools.chain.from_iterable((slice(None), i) for i in places[number])
        first = jnp.where(values[(slice(None), *inside)] == largest, number, first)
    inner = tuple(range(2, 2 * x.ndim - 2, 2))
    numbers = jnp.arange(len(places), dtype=jnp.int32).reshape(1, *(1, window) * (x.ndim - 2), 1)
    chosen = jnp.expand_dims(first, inner) == numbers
    return largest, jnp.where(chosen, _windows(tangent, window), 0).sum(inner)


class Conv(nn.Module):
    """A convolution. Variables: `kernel` [*window, in, features], `bias` [features]."""

    features: int
    window: Sequence[int]
    strides: Sequence[int] | None = None
    padding: Padding = "SAME"
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[batch, *space, channels] -> [batch, *reduced, features]."""
        shape = (*self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape).astype(x.dtype)
        y = convolution(x, kernel, strides=self.strides, padding=self.padding)
        return Bias(name="bias")(y) if self.use_bias else y


class Bias(nn.Module):
    """Adds one learned number a channel, at first zero. Variable: `value` [channels]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., channels] -> [..., channels]."""
        value = self.param("value", nn.initializers.zeros, (x.shape[-1],))
        return x + jnp.broadcast_to(value.astype(x.dtype), x.shape)


class BatchNorm(nn.Module):
    """Batch normalisation that ignores padding and is equal under every placement.

    Statistics are sums of (count, x, x^2) over the real rows of the whole batch, over all its
    devices, divided once and folded into one multiplication and one addition. They are kept in
    float32 whatever the inputs are. Ioffe and Szegedy 2015, algorithm 1.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array, *, train: bool, mask: Array | None = None) -> Array:
        """Normalise each channel of x [batch, *space, channels] over the rows whose mask is 1."""
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
    slope = scale * lax.rsqrt(variance)
    shift = bias - mean * slope
    slope, shift = (jnp.broadcast_to(v.astype(x.dtype), x.shape) for v in (slope, shift))
    return x * slope + shift


class GroupNorm(nn.Module):
    """Group normalisation (Wu and He 2018): no batch statistics, so nothing to synchronise.

    Fewer channels than `groups` are a group each; more must be a multiple of it.
    """

    groups: int = 8
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array, *, train: bool, mask: Array | None = None) -> Array:
        """[batch, *space, channels] -> the same shape; `train` and `mask` make no difference."""
        del train, mask
        checks.positive("groups", self.groups)
        channels = x.shape[-1]
        groups = min(self.groups, channels)
        if channels % groups:
            raise ValueError(
                f"groups is {groups}, but must divide the {channels} channels: take other widths, "
                f"or norm=functools.partial(GroupNorm, groups={math.gcd(groups, channels)})."
            )
        norm = nn.GroupNorm(groups, epsilon=self.epsilon, scale_init=self.scale_init)
        return norm(x).astype(x.dtype)


class Dropout(nn.Module):
    """Sets each activation to zero with probability `rate`, and scales the rest by 1/(1 - rate).

    The choice is a function of the key and of the row's place in the whole batch, so it is the
    same under every placement. Srivastava et al. 2014, section 4.

    Attributes:
        rate: in [0, 1).
        called: what the rate is to whoever gave it; the message to a wrong one says so.
    """

    rate: Option
    called: str = "dropout"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[batch, ...] -> [batch, ...]."""
        return _dropped(self, x, x.shape[1:], train=train)


class StochasticDepth(nn.Module):
    """Leaves a whole row out with probability `rate`, and scales the rest by 1 / (1 - rate).

    Of what a branch of a residual layer adds: one draw a row and call, so that the attention and
    the perceptron of a layer are left out independently of each other. Like `Dropout` the same
    under every placement. Huang et al. 2016, section 3, scaled in training and not afterwards.

    Attributes:
        rate: in [0, 1).
        called: as in `Dropout`.
    """

    rate: Option
    called: str = "stochastic_depth"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """[batch, ...] -> [batch, ...]."""
        return _dropped(self, x, (1,) * (x.ndim - 1), train=train)


def _dropped(
    layer: Dropout | StochasticDepth, x: Array, drawn: tuple[int, ...], *, train: bool
) -> Array:
    """Zeros for `x` where a draw says so; `drawn` is the shape of the draws of one row."""
    if not isinstance(layer.rate, jax.core.Tracer):  # `sweeps` traces it: it has no value yet
        checks.fraction(layer.called, float(layer.rate), below_one=True)
        train = train and float(layer.rate) > 0
    if not train:
        return x
    keys = row_keys(layer.make_rng("dropout"), x.shape[0])
    keep = jax.vmap(lambda key: jax.random.bernoulli(key, 1 - layer.rate, drawn))(keys)
    return jnp.where(keep, x / (1 - layer.rate), 0)
