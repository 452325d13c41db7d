"""Images rotated, moved, zoomed and bent: changes of coordinates with a single interpolation.

A `Warp` maps the coordinates of the new image to those of the old one. `random_warp` chains any
number of them and interpolates once, so it costs and blurs as little as one of them alone:

    random_warp(rotation(10), scaling(0.1), elastic(34, sigma=4))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from jaxmed import checks
from jaxmed.data.augment.image import (
    Augmentation,
    as_dtype_of,
    axes_of,
    check_axis,
    pixels_of,
    space,
)
from jaxmed.data.augment.intensity import gaussian_blur
from jaxmed.data.augment.moves import Move, moving
from jaxmed.typing import Array, Float, Key, Num

Warp: TypeAlias = Callable[[Key, Array], Array]
"""`(key, coordinates [sides, *space]) -> coordinates`, in pixels from the center of the image."""


def random_warp(*warps: Warp, fill: float = 0) -> Augmentation:
    """Apply all `warps` in order and interpolate linearly, once.

    Args:
        warps: such as `rotation(10)`; the first is applied to the image first.
        fill: the value outside the image; that of air, where values are Hounsfield units.
    """
    for number, warp in enumerate(warps):
        checks.function(f"warps[{number}]", warp, "(key, coordinates) -> coordinates")
    checks.finite("fill", fill)

    def draw(key: Key, image: Array) -> Move:
        sides = space(image)
        ranges = [jnp.arange(side, dtype=jnp.float32) - (side - 1) / 2 for side in sides]
        coordinates = jnp.stack(jnp.meshgrid(*ranges, indexing="ij"))
        # From the new image back to the old one, so the last warp is undone first.
        for warp, own in zip(reversed(warps), jax.random.split(key, len(warps)), strict=True):
            coordinates = warp(own, coordinates)
        return Move(
            lambda image: as_dtype_of(image, interpolate(image, coordinates, fill=fill)),
            lambda labels, outside: nearest_labels(labels, coordinates, outside),
        )

    return moving(draw)


def interpolate(
    image: Num[Array, "*space channels"],
    coordinates: Float[Array, "sides *space"],  # noqa: UP037
    *,
    fill: float = 0,
) -> Float[Array, "*space channels"]:
    """The values of an image between its pixels, by linear interpolation.

    Args:
        image: an image or volume.
        coordinates: in pixels from the center of the image, one array per side.
        fill: the value of all pixels outside; values at the edge are interpolated with it.
    """
    image, coordinates = pixels_of("image", image), pixels_of("coordinates", coordinates)
    checks.finite("fill", fill)
    sides = len(space(image))
    if coordinates.ndim != sides + 1 or len(coordinates) != sides:
        raise ValueError(
            f"coordinates has shape {coordinates.shape}, but must be ({sides}, *space) for an "
            f"image of shape {image.shape}: give one array per side."
        )
    places = [offset + (n - 1) / 2 for offset, n in zip(coordinates, space(image), strict=True)]
    values = image.astype(jnp.promote_types(image.dtype, jnp.float32))

    def read(channel: Array) -> Array:
        return map_coordinates(channel, places, order=1, cval=float(fill))

    return jax.vmap(read, -1, -1)(values)


def nearest_labels(labels: Array, coordinates: Array, outside: int) -> Array:
    """The labels [*space] of the pixels nearest to the coordinates, `outside` where there is none.

    Args:
        labels: whole numbers, one per pixel.
        coordinates: in pixels from the center, one array per side.
        outside: the label of all pixels beyond the edge.
    """
    places, inside = [], jnp.bool_(True)
    for offset, side in zip(coordinates, labels.shape, strict=True):
        place = jnp.floor(offset + side / 2).astype(jnp.int32)  # rounds offset + (side - 1) / 2
        places.append(place)
        inside = inside & (place >= 0) & (place < side)
    read = labels.at[tuple(places)].get(mode="clip")
    return jnp.where(inside, read, outside).astype(labels.dtype)


def rotation(degrees: float, *, plane: Sequence[int] = (-3, -2)) -> Warp:
    """Rotate by an angle that is uniform between `-degrees` and `degrees`.

    Args:
        degrees: in [0, 180].
        plane: two axes of the image; by default height and width, so that a volume rotates about
            its depth axis.
    """
    checks.real("degrees", degrees, "in [0, 180]", lambda found: 0 <= found <= 180)
    plane = axes_of("plane", plane)
    if len(plane) != 2:
        raise ValueError(f"plane is {plane}, but must name two axes, such as (-3, -2).")

    def warp(key: Key, coordinates: Array) -> Array:
        for axis in plane:
            check_axis("plane", axis, len(coordinates))
        first, second = (axis + 1 for axis in plane)  # coordinates have no channels
        angle = jnp.deg2rad(jax.random.uniform(key, (), minval=-degrees, maxval=degrees))
        a, b = coordinates[first], coordinates[second]
        rotated = coordinates.at[first].set(a * jnp.cos(angle) - b * jnp.sin(angle))
        return rotated.at[second].set(a * jnp.sin(angle) + b * jnp.cos(angle))

    return warp


def translation(fraction: float) -> Warp:
    """Move along each side by a uniform fraction of its length, up to `fraction` either way.

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

    The logarithm of the factor is uniform, so that images shrink as often as they grow.

    Args:
        strength: at least 0; 0.1 zooms by up to a tenth.
    """
    checks.at_least("strength", strength, 0)

    def warp(key: Key, coordinates: Array) -> Array:
        limit = jnp.log1p(strength)
        return coordinates * jnp.exp(jax.random.uniform(key, (), minval=-limit, maxval=limit))

    return warp


def elastic(alpha: float, *, sigma: float) -> Warp:
    """Bend: every pixel moves by `alpha` times uniform noise from -1 to 1, smoothed by `sigma`.

    Away from the edges of an image, displacements have a standard deviation of about
    alpha / (6.1 sigma) pixels: 1.4 for the paper's alpha = 34 and sigma = 4.

    Args:
        alpha: at least 0.
        sigma: standard deviation of the Gaussian that smooths the noise, in pixels, above 0.

    References:
        Simard, Steinkraus and Platt, Best Practices for Convolutional Neural Networks Applied
        to Visual Document Analysis, 2003, section 2.
    """
    checks.at_least("alpha", alpha, 0)
    checks.positive("sigma", sigma)

    def warp(key: Key, coordinates: Array) -> Array:
        sides, *shape = coordinates.shape
        field = gaussian_blur(_coarse_noise(key, (*shape, sides)), sigma)
        return coordinates + alpha * jnp.moveaxis(field, -1, 0)

    return warp


def _coarse_noise(key: Key, shape: Sequence[int]) -> Array:
    """Uniform noise on 256 levels from -1 to 1.

    Random bits are the largest cost of `elastic` on a CPU. One number gives four levels, in a
    quarter of the time; after smoothing they cannot be told from finer ones.
    """
    count = math.prod(shape)
    numbers = jax.random.bits(key, (-(-count // 4),), jnp.uint32)
    levels = jax.lax.bitcast_convert_type(numbers, jnp.uint8).reshape(-1)[:count]
    return (levels.reshape(shape) - 127.5) / 127.5
