"""Images turned, moved, zoomed and bent: changes of coordinates, read with one interpolation.

A `Warp` says where the pixels of the new image lie in the old one. `resampled` joins any number
of them and interpolates once, which costs as much as one of them and blurs as little:

    resampled(rotation(10), scaling(0.1), elastic(34, sigma=4))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from jaxmed import checks
from jaxmed.data.augment.image import Change, check_axis, restored, space
from jaxmed.data.augment.intensity import blurred
from jaxmed.typing import Array, Float, Key, Num

Warp: TypeAlias = Callable[[Key, Array], Array]
"""`(key, coordinates [sides, *space]) -> coordinates`, in pixels from the centre of the image."""


def resampled(*warps: Warp, fill: float = 0) -> Change:
    """The image after all `warps` in turn, interpolated linearly.

    Args:
        warps: the first is the first that happens to the image.
        fill: the value outside the image; of air, where values are Hounsfield units.
    """

    def change(key: Key, image: Array) -> Array:
        sides = space(image)
        ranges = [jnp.arange(side, dtype=jnp.float32) - (side - 1) / 2 for side in sides]
        coordinates = jnp.stack(jnp.meshgrid(*ranges, indexing="ij"))
        # From the new image back to the old one, so the last warp is undone first.
        for warp, own in zip(reversed(warps), jax.random.split(key, len(warps)), strict=True):
            coordinates = warp(own, coordinates)
        return restored(read_at(image, coordinates, fill=fill), image)

    return change


def read_at(
    image: Num[Array, "*space channels"],
    coordinates: Float[Array, "sides *space"],  # noqa: UP037
    *,
    fill: float = 0,
) -> Float[Array, "*space channels"]:
    """The values of an image between its pixels, by linear interpolation.

    Args:
        image: or volume.
        coordinates: in pixels from the centre of the image, one array a side.
        fill: the value of all pixels outside, with which those at the edge are interpolated.
    """
    centred = [where + (n - 1) / 2 for where, n in zip(coordinates, space(image), strict=True)]
    values = image.astype(jnp.promote_types(image.dtype, jnp.float32))

    def read(channel: Array) -> Array:
        return map_coordinates(channel, centred, order=1, cval=fill)

    return jax.vmap(read, -1, -1)(values)


def rotation(degrees: float, *, plane: Sequence[int] = (-3, -2)) -> Warp:
    """Turn by an angle that is uniform between `-degrees` and `degrees`.

    Args:
        degrees: in [0, 180].
        plane: two axes of the image; by default height and width, so that a volume turns about
            its depth.
    """
    if not 0 <= degrees <= 180:
        raise ValueError(f"degrees is {degrees}, but must lie in [0, 180].")

    def warp(key: Key, coordinates: Array) -> Array:
        for axis in plane:
            check_axis("plane", axis, len(coordinates))
        first, second = (axis + 1 for axis in plane)  # coordinates have no channels
        angle = jnp.deg2rad(jax.random.uniform(key, (), minval=-degrees, maxval=degrees))
        a, b = coordinates[first], coordinates[second]
        turned = coordinates.at[first].set(a * jnp.cos(angle) - b * jnp.sin(angle))
        return turned.at[second].set(a * jnp.sin(angle) + b * jnp.cos(angle))

    return warp


def translation(fraction: float) -> Warp:
    """Move along each side by a uniform share of it, up to `fraction` forth or back.

    Args:
        fraction: in [0, 1].
    """
    checks.fraction("fraction", fraction)

    def warp(key: Key, coordinates: Array) -> Array:
        sides = coordinates.shape[1:]
        move = jax.random.uniform(key, (len(sides),), minval=-fraction, maxval=fraction)
        move *= jnp.array(sides, jnp.float32)
        return coordinates - jnp.expand_dims(move, range(1, coordinates.ndim))

    return warp


def scaling(strength: float) -> Warp:
    """Zoom all sides by one factor between 1 / (1 + strength) and 1 + strength.

    Its logarithm is uniform, so that images shrink as often as they grow.

    Args:
        strength: at least 0; 0.1 for a tenth.
    """
    checks.at_least("strength", strength, 0)

    def warp(key: Key, coordinates: Array) -> Array:
        limit = jnp.log1p(strength)
        return coordinates * jnp.exp(jax.random.uniform(key, (), minval=-limit, maxval=limit))

    return warp


def elastic(alpha: float, *, sigma: float) -> Warp:
    """Bend: every pixel moves by `alpha` times uniform noise from -1 to 1, smoothed by `sigma`.

    In an image, away from its edges, moves have a standard deviation of about
    alpha / (6.1 sigma) pixels: 1.4 for the paper's alpha = 34 and sigma = 4.

    Args:
        alpha: at least 0.
        sigma: of the Gaussian that smooths the noise, in pixels, above 0.

    References:
        Simard, Steinkraus and Platt, Best Practices for Convolutional Neural Networks Applied
        to Visual Document Analysis, 2003, section 2.
    """
    checks.at_least("alpha", alpha, 0)
    checks.positive("sigma", sigma)

    def warp(key: Key, coordinates: Array) -> Array:
        sides, *shape = coordinates.shape
        field = blurred(_coarse_noise(key, (*shape, sides)), sigma)
        return coordinates + alpha * jnp.moveaxis(field, -1, 0)

    return warp


def _coarse_noise(key: Key, shape: Sequence[int]) -> Array:
    """Uniform noise on 256 levels from -1 to 1.

    Random bits are what `elastic` costs most on a CPU. Four levels are made of one number, a
    quarter of the time, and behind the smoothing they cannot be told from finer ones.
    """
    count = math.prod(shape)
    numbers = jax.random.bits(key, (-(-count // 4),), jnp.uint32)
    levels = jax.lax.bitcast_convert_type(numbers, jnp.uint8).reshape(-1)[:count]
    return (levels.reshape(shape) - 127.5) / 127.5
