"""Random changes that give another view of the same image, as `image.each_image` lifts them.

For learning without labels, where `image.random_shift` and `random_resized_crop` repeat the edge: a
border of zeros would itself be something to learn.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmed.data.augment.image import Change, restored, space
from jaxmed.typing import Array, Key


def random_resized_crop(least: float) -> Change:
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
        sides = jnp.array(space(image), jnp.float32)
        share = jax.random.uniform(size_key, sides.shape, minval=least, maxval=1.0)
        start = jax.random.uniform(place_key, sides.shape) * (sides - share * sides)
        stretched = jax.image.scale_and_translate(
            image.astype(jnp.float32), image.shape, tuple(range(len(sides))), 1 / share,
            -start / share, method="linear", antialias=False,
        )  # fmt: skip
        return restored(stretched, image)

    return crop
