"""Convolution in the form that is fastest on the backend; all forms give the same numbers.

XLA runs convolutions inside a compiled loop slowly on a CPU (jax issue 12868). On a CPU, and only
there, a convolution is therefore computed by matrix products: by Winograd's minimal filtering
where the window allows it, by banded matrices for volumes with few channels, else on patches. All
forms agree to within 3e-5 of the largest result; docs/findings/speed.md has what each of them
gains.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from jaxmed.models import input_checks
from jaxmed.models.layers.packed import packed_convolution
from jaxmed.models.layers.winograd import tiled_size, winograd_convolution
from jaxmed.typing import Array, Float

Padding = Literal["SAME", "VALID"] | Sequence[tuple[int, int]]


class Conv(nn.Module):
    """A convolution. Variables: `kernel` [*window, in, features], `bias/value` [features].

    Kernels start as in He et al. 2015, the bias at zero.

    Attributes:
        features: output channels.
        window: sides of the kernel, one per spatial dimension.
        strides: one per spatial dimension; 1 by default.
        padding: as in `convolution`.
        use_bias: whether to add a bias.
    """

    features: int
    window: Sequence[int]
    strides: Sequence[int] | None = None
    padding: Padding = "SAME"
    use_bias: bool = True

    def __post_init__(self) -> None:
        input_checks.attributes(self, counts="features", sizes="window strides", flags="use_bias")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[batch, *space, channels] -> [batch, *reduced, features]."""
        shape = (*self.window, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape).astype(x.dtype)
        y = convolution(x, kernel, strides=self.strides, padding=self.padding)
        return Bias(name="bias")(y) if self.use_bias else y


class Bias(nn.Module):
    """Adds one learned number per channel, initially zero. Variable: `value` [channels]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[..., channels] -> [..., channels]."""
        value = self.param("value", nn.initializers.zeros, (x.shape[-1],))
        return x + jnp.broadcast_to(value.astype(x.dtype), x.shape)


def convolution(
    x: Float[Array, "batch *space channels"],
    kernel: Float[Array, "*window channels features"],
    *,
    strides: Sequence[int] | None = None,
    padding: Padding = "SAME",
) -> Float[Array, "batch *reduced features"]:
    """Convolve channels-last input in 1, 2 or 3 dimensions.

    Args:
        x: [batch, *space, channels].
        kernel: [*window, channels, features].
        strides: one per spatial dimension; 1 by default.
        padding: "SAME" surrounds the input with zeros, "VALID" does not; or the number of zeros
            before and after, one pair per spatial dimension. With a stride, "SAME" pads an even
            side unequally; use pairs to pad it equally.

    Returns:
        [batch, *reduced, features]; under "SAME" reduced is ceil(space / strides).
    """
    strides = tuple(strides or (1,) * (kernel.ndim - 2))
    if jax.default_backend() != "cpu":
        return lax_convolution(x, kernel, strides, padding)
    form = functools.partial(_on_cpu, strides=strides, padding=padding)
    return _row_by_row(form, x, kernel) if x.ndim == 5 else form(x, kernel)


def _on_cpu(x: Array, kernel: Array, *, strides: Sequence[int], padding: Padding) -> Array:
    if _winograd_applies(x, kernel, strides, padding):
        return winograd_convolution(x, kernel)
    if _few_channels(x, kernel, strides):
        return packed_convolution(x, kernel, _pairs(x, kernel, strides, padding))
    return patches_convolution(x, kernel, strides, padding)


def _row_by_row(form: Callable[[Array, Array], Array], x: Array, kernel: Array) -> Array:
    """One volume after another, each computed again in the backward pass.

    What is computed on the way is several times as large as the volume. Of one volume it stays in
    the processor's cache, of a batch it is written to memory, kept, and read again.
    """
    one = jax.checkpoint(lambda row, kernel: form(row[None], kernel)[0])
    return lax.map(lambda row: one(row, kernel), x)


def lax_convolution(
    x: Array, kernel: Array, strides: Sequence[int], padding: Padding = "SAME"
) -> Array:
    """`convolution` by XLA's own operation; arguments as there, all strides given."""
    space = "DHW"[-len(strides) :]
    layout = (f"N{space}C", f"{space}IO", f"N{space}C")
    return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=layout)


def patches_convolution(
    x: Array, kernel: Array, strides: Sequence[int], padding: Padding = "SAME"
) -> Array:
    """`convolution` as one matrix product: shifted copies of `x`, joined, times the kernel."""
    window, features = kernel.shape[:-2], kernel.shape[-1]
    padding = _pairs(x, kernel, strides, padding)
    columns = _columns(jnp.pad(x, [(0, 0), *padding, (0, 0)]), window, strides)
    product = columns.reshape(-1, columns.shape[-1]) @ kernel.reshape(-1, features)
    return product.reshape(*columns.shape[:-1], features)


def _winograd_applies(x: Array, kernel: Array, strides: Sequence[int], padding: Padding) -> bool:
    """Whether Winograd's filtering is possible and faster."""
    *window, channels, _ = kernel.shape
    sides = x.shape[1:-1]
    if set(window) != {3} or set(strides) != {1} or x.dtype != jnp.float32:
        return False
    if isinstance(padding, str):
        one_around = padding == "SAME"
    else:
        one_around = all(tuple(pair) == (1, 1) for pair in padding)
    # Whole tiles can be much larger than a small image: 5 x 5 pixels become 8 x 8.
    large_enough = min(sides) >= 3 and tiled_size(sides) <= 2.5 * math.prod(sides)
    return one_around and channels >= 16 and large_enough


def _few_channels(x: Array, kernel: Array, strides: Sequence[int]) -> bool:
    """Whether banded matrices are faster than patches."""
    *window, channels, features = kernel.shape
    if x.ndim != 5 or set(strides) != {1} or math.prod(window) == 1:
        return False
    return max(channels, features) < 16


def _pairs(
    x: Array, kernel: Array, strides: Sequence[int], padding: Padding
) -> Sequence[tuple[int, int]]:
    if not isinstance(padding, str):
        return padding
    return lax.padtype_to_pads(x.shape[1:-1], kernel.shape[:-2], strides, padding)


def _columns(x: Array, window: Sequence[int], strides: Sequence[int]) -> Array:
    """[batch, *space, channels] -> [batch, *reduced, all values of each window]."""
    axes = tuple(range(1, x.ndim - 1))
    # In volumes one axis after the other: a window of side 7 then takes 21 copies, not 343.
    for together in [axes] if len(axes) < 3 else [(axis,) for axis in reversed(axes)]:
        copies = []
        for offsets in itertools.product(*(range(window[axis - 1]) for axis in together)):
            first, last, steps = [0] * x.ndim, list(x.shape), [1] * x.ndim
            for axis, offset in zip(together, offsets, strict=True):
                first[axis], steps[axis] = offset, strides[axis - 1]
                last[axis] -= window[axis - 1] - 1 - offset
            copies.append(lax.slice(x, first, last, steps))
        x = jnp.concatenate(copies, axis=-1)
    return x
