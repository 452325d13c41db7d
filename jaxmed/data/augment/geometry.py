"""Images shifted, flipped and turned by quarters: pixels move, and none changes its value."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.augment.crop import crop_of_padded
from jaxmed.data.augment.image import MOST_PIXELS, Augmentation, axes_of, check_axis, space
from jaxmed.data.augment.moves import Move, moving, without_interpolation
from jaxmed.typing import Array, Key


def random_shift(pixels: int, *, fill: float | None = 0) -> Augmentation:
    """Move an image or volume by up to `pixels` along each side.

    The same as padding all sides and cropping to the old size.

    Args:
        pixels: the largest shift, at least 0.
        fill: the value that comes in from outside; that of air, where values are Hounsfield units.
            `None` repeats the edge: for pretraining, where a border of zeros would itself be
            something to learn.

    References:
        He et al., Deep Residual Learning for Image Recognition, 2016, section 4.2.
    """
    pixels = checks.whole("pixels", pixels, least=0, most=MOST_PIXELS)
    if fill is not None:
        checks.finite("fill", fill)
    return moving(lambda key, image: crop_of_padded(key, space(image), space(image), pixels, fill))


def random_flip(axes: Sequence[int] = (-2,)) -> Augmentation:
    """Mirror an image or volume along each of `axes`, independently, with probability 1/2.

    Not for images whose sides have a meaning, such as chest X-rays.

    Args:
        axes: counted from the end: -2 left to right, -3 top to bottom, -4 along the depth.
    """
    axes = axes_of("axes", axes)

    def draw(key: Key, image: Array) -> Move:
        for axis in axes:
            check_axis("axes", axis, len(space(image)))
        keys = [key] if len(axes) == 1 else jax.random.split(key, len(axes))
        chosen = [jax.random.bernoulli(own) for own in keys]

        def flipped(values: Array) -> Array:
            for axis, is_chosen in zip(axes, chosen, strict=True):
                values = jnp.where(is_chosen, jnp.flip(values, axis), values)
            return values

        return without_interpolation(flipped)

    return moving(draw)


def random_rot90() -> Augmentation:
    """Turn an image, or every slice of a volume, by 0, 90, 180 or 270 degrees, equally likely.

    Height and width must be equal.
    """

    def draw(key: Key, image: Array) -> Move:
        *_, height, width = space(image)
        if height != width:
            raise ValueError(
                f"image has shape {image.shape}, which a quarter turn would change: "
                "crop or pad it to equal height and width, or flip it instead."
            )
        quarter, half = jax.random.bernoulli(key, shape=(2,))

        def turned(values: Array) -> Array:
            values = jnp.where(quarter, jnp.rot90(values, axes=(-3, -2)), values)
            return jnp.where(half, jnp.flip(values, (-3, -2)), values)

        return without_interpolation(turned)

    return moving(draw)
