"""Random crops: a part of an image at its own scale, or stretched to the size of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.augment.image import MOST_PIXELS, Augmentation, as_dtype_of, space
from jaxmed.data.augment.moves import Move, moving
from jaxmed.typing import Array, Key


def random_crop(size: Sequence[int], *, padding: int = 0, fill: float = 0) -> Augmentation:
    """Cut a part out of an image or volume; all positions are equally likely.

    Prediction sees the whole image, so this is for networks that read images of any size.

    Args:
        size: of the part, one length per side, in pixels.
        padding: pixels added to every side first, at least 0.
        fill: the value of the padding.
    """
    size = checks.wholes("size", size)
    padding = checks.whole("padding", padding, least=0, most=MOST_PIXELS)
    checks.finite("fill", fill)

    def draw(key: Key, image: Array) -> Move:
        sides = space(image)
        room = [side + 2 * padding for side in sides]
        if len(size) != len(sides) or not all(0 < n <= r for n, r in zip(size, room, strict=True)):
            raise ValueError(
                f"size is {tuple(size)}, but must hold {len(sides)} lengths, none above "
                f"{tuple(room)}: the image is {image.shape} and padding {padding}."
            )
        return crop_of_padded(key, sides, size, padding, fill)

    return moving(draw)


def random_resized_crop(min_side: float) -> Augmentation:
    """Cut out a box anywhere and stretch it to the size of the whole image, linearly.

    Each side of the box is drawn independently, so shapes are stretched a little too.

    Args:
        min_side: the smallest length of a side of the box, as a fraction of the image's side, in
            (0, 1].

    References:
        Szegedy et al., Going Deeper with Convolutions, 2015, section 6; Chen et al., A Simple
        Framework for Contrastive Learning, 2020, appendix A, where it matters more than any other
        augmentation.
    """
    checks.fraction("min_side", min_side, above_zero=True)

    def draw(key: Key, image: Array) -> Move:
        size_key, place_key = jax.random.split(key)
        sides = jnp.array(space(image), jnp.float32)
        fraction = jax.random.uniform(size_key, sides.shape, minval=min_side, maxval=1.0)
        start = jax.random.uniform(place_key, sides.shape) * (sides - fraction * sides)

        def stretched(image: Array) -> Array:
            values = jax.image.scale_and_translate(
                image.astype(jnp.float32), image.shape, tuple(range(len(sides))), 1 / fraction,
                -start / fraction, method="linear", antialias=False,
            )  # fmt: skip
            return as_dtype_of(image, values)

        def of_nearest(labels: Array, outside: int) -> Array:
            del outside  # the box lies within
            for axis, side in enumerate(labels.shape):
                place = start[axis] + (jnp.arange(side) + 0.5) * fraction[axis]
                labels = jnp.take(labels, place.astype(jnp.int32), axis, mode="clip")
            return labels

        return Move(stretched, of_nearest)

    return moving(draw)


def crop_of_padded(
    key: Key, sides: Sequence[int], size: Sequence[int], padding: int, fill: float | None
) -> Move:
    """A part of `size` of the padded image, at a random position; `fill=None` repeats the edge."""
    room = [side + 2 * padding - length for side, length in zip(sides, size, strict=True)]
    start = jax.random.randint(key, (len(sides),), 0, jnp.array(room) + 1)

    def of_image(image: Array) -> Array:
        widths = [(padding, padding)] * len(sides) + [(0, 0)]
        if fill is None:
            padded = jnp.pad(image, widths, mode="edge")
        else:
            padded = jnp.pad(image, widths, constant_values=fill)
        return jax.lax.dynamic_slice(padded, (*start, 0), (*size, image.shape[-1]))

    def of_labels(labels: Array, outside: int) -> Array:
        padded = jnp.pad(labels, padding, constant_values=outside)
        return jax.lax.dynamic_slice(padded, (*start,), tuple(size))

    return Move(of_image, of_labels)
