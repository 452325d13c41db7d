"""Random changes that give another view of the same image, as `image.each_image` lifts them.

For learning without labels: pixels from outside repeat the edge, because a border of zeros would
itself be something to learn.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.typing import Array, Key


def edge_shift(pixels: int) -> Callable[[Key, Array], Array]:
    """Move an image or volume by up to `pixels` along each side; the edge is repeated.

    Args:
        pixels: largest shift, at least 1.
    """
    checks.positive("pixels", pixels)

    def shift(key: Key, image: Array) -> Array:
        sides = image.ndim - 1
        padded = jnp.pad(image, [(pixels, pixels)] * sides + [(0, 0)], mode="edge")
        start = jax.random.randint(key, (sides,), 0, 2 * pixels + 1)
        return jax.lax.dynamic_slice(padded, (*start, 0), image.shape)

    return shift


def random_resized_crop(least: float) -> Callable[[Key, Array], Array]:
    """Cut out a box anywhere and stretch it over the whole image or volume, linearly.

    Each side of the box is drawn by itself, so shapes are stretched a little too. Szegedy et al.
    2015, section 6; Chen et al. 2020, appendix A, where it matters more than any other change.

    Args:
        least: the shortest a side of the box can be, as a share of the image's, in (0, 1].
    """
    if not 0 < least <= 1:
        raise ValueError(f"least is {least}, but must lie in (0, 1].")

    def crop(key: Key, image: Array) -> Array:
        size_key, place_key = jax.random.split(key)
        sides = image.ndim - 1
        space = jnp.array(image.shape[:-1], jnp.float32)
        size = jax.random.uniform(size_key, (sides,), minval=least, maxval=1.0) * space
        start = jax.random.uniform(place_key, (sides,)) * (space - size)
        zoom = space / size
        stretched = jax.image.scale_and_translate(
            image.astype(jnp.float32), image.shape, tuple(range(sides)), zoom, -start * zoom,
            method="linear", antialias=False,
        )  # fmt: skip
        return stretched.astype(image.dtype)

    return crop
