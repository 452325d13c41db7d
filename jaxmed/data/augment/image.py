"""Random changes of one image or volume each, on the device, as pure functions of (key, image).

An image is [height, width, channels], a volume [depth, height, width, channels]. A change keeps
the dtype and the scale. uint8, from 0 (black) to 255 (white), is rounded and clipped after every
change; floating numbers are neither, because they may be measurements, such as Hounsfield units.
`inputs` reads either: begin `in_turn` with `in_float32` where a chain of many changes should
round nowhere. At strength zero a change gives back its image bit for bit; what it draws is a
function of its key alone. `image_geometry`, `image_intensity` and `image_mixing` have more of
them, `image_modalities` what is safe for which images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.typing import Array, Batch, Key, Transform

Change: TypeAlias = Callable[[Key, Array], Array]
"""`(key, image) -> image`."""
WHITE = 255

T = TypeVar("T")


def each_image(change: Change) -> Transform:
    """Lift `(key, image) -> image` to a whole batch: every row gets a key of its own."""

    def augment(key: Key, batch: Batch) -> Batch:
        keys = row_keys(key, batch["image"].shape[0])
        return {**batch, "image": jax.vmap(change)(keys, batch["image"])}

    return augment


def in_turn(*changes: Callable[[Key, T], T]) -> Callable[[Key, T], T]:
    """One random change after another, each with a key of its own; of images, or of batches."""

    def change(key: Key, image: T) -> T:
        for each, own in zip(changes, jax.random.split(key, len(changes)), strict=True):
            image = each(own, image)
        return image

    return change


def sometimes(change: Change, *, probability: float) -> Change:
    """A change, or none, by chance.

    Args:
        change: must keep the shape.
        probability: of the change, in [0, 1].
    """
    checks.fraction("probability", probability)

    def perhaps(key: Key, image: Array) -> Array:
        chosen, own = jax.random.split(key)
        return jnp.where(
            jax.random.bernoulli(chosen, float(probability)), change(own, image), image
        )

    return perhaps


def random_shift(pixels: int, *, fill: float | None = 0) -> Change:
    """Move an image or volume by up to `pixels` along each side.

    The same as padding all sides and cropping to the old size (He et al. 2016, section 4.2).

    Args:
        pixels: largest shift, at least 0.
        fill: the value that comes in from outside; of air, where values are Hounsfield units.
            None repeats the edge.
    """
    checks.at_least("pixels", pixels, 0)
    return lambda key, image: _cut(key, image, space(image), pixels, fill)


def random_crop(size: Sequence[int], *, padding: int = 0, fill: float = 0) -> Change:
    """Cut a part of an image or volume out, anywhere with equal chance.

    Prediction sees the whole image, so this is for networks that read images of any size.

    Args:
        size: of the part, one length a side, in pixels.
        padding: pixels that every side gets first, at least 0.
        fill: their value.
    """
    checks.at_least("padding", padding, 0)

    def crop(key: Key, image: Array) -> Array:
        sides = space(image)
        room = [side + 2 * padding for side in sides]
        if len(size) != len(sides) or not all(0 < n <= r for n, r in zip(size, room, strict=True)):
            raise ValueError(
                f"size is {tuple(size)}, but must name {len(sides)} lengths, none above "
                f"{tuple(room)}: the image is {image.shape} and padding {padding}."
            )
        return _cut(key, image, size, padding, fill)

    return crop


def _cut(key: Key, image: Array, size: Sequence[int], padding: int, fill: float | None) -> Array:
    sides = space(image)
    widths = [(padding, padding)] * len(sides) + [(0, 0)]
    if fill is None:
        padded = jnp.pad(image, widths, mode="edge")
    else:
        padded = jnp.pad(image, widths, constant_values=fill)
    room = [side + 2 * padding - length for side, length in zip(sides, size, strict=True)]
    start = jax.random.randint(key, (len(sides),), 0, jnp.array(room) + 1)
    return jax.lax.dynamic_slice(padded, (*start, 0), (*size, image.shape[-1]))


def random_flip(key: Key, image: Array) -> Array:
    """Mirror an image left to right, or not, with equal chance.

    Not for images whose sides mean something, such as chest X-rays.
    """
    return jnp.where(jax.random.bernoulli(key), jnp.flip(image, -2), image)


def random_flips(*axes: int) -> Change:
    """Mirror an image or volume along each of `axes`, or not, independently with equal chance.

    Args:
        axes: counted from the end: -2 left to right, -3 top to bottom, -4 along the depth.
    """

    def flip(key: Key, image: Array) -> Array:
        for axis, own in zip(axes, jax.random.split(key, len(axes)), strict=True):
            check_axis("axes", axis, len(space(image)))
            image = jnp.where(jax.random.bernoulli(own), jnp.flip(image, axis), image)
        return image

    return flip


def random_quarter_turn(key: Key, image: Array) -> Array:
    """Turn an image, or every slice of a volume, by 0, 90, 180 or 270 degrees, with equal chance.

    No pixel changes its value. Height and width must be equal.
    """
    *_, height, width = space(image)
    if height != width:
        raise ValueError(
            f"image has shape {image.shape}, which a quarter turn would change: "
            "crop or pad it to equal height and width, or flip it instead."
        )
    quarter, half = jax.random.bernoulli(key, shape=(2,))
    image = jnp.where(quarter, jnp.rot90(image, axes=(-3, -2)), image)
    return jnp.where(half, jnp.flip(image, (-3, -2)), image)


def in_float32(key: Key, image: Array) -> Array:
    """The image as float32 on the same scale, so that the changes behind it round nowhere."""
    del key
    return image.astype(jnp.float32)


def space(image: Array) -> tuple[int, ...]:
    """The sides of one image (height, width) or volume (depth, height, width), in pixels.

    Raises:
        ValueError: if it is neither, or holds integers other than uint8.
    """
    if image.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {image.shape}, but must be [height, width, channels], or "
            "[depth, height, width, channels] for a volume: add the axis that is missing."
        )
    if jnp.issubdtype(image.dtype, jnp.integer) and image.dtype != jnp.uint8:
        raise ValueError(
            f"image is {image.dtype}, but must be uint8 or floating: window it to uint8, or keep "
            "measured values as float32."
        )
    return tuple(image.shape[:-1])


def restored(values: Array, image: Array) -> Array:
    """Computed values in the dtype of `image`: rounded and clipped where it is uint8."""
    if jnp.issubdtype(image.dtype, jnp.integer):
        values = jnp.round(values.clip(0, WHITE))
    return values.astype(image.dtype)


def check_axis(name: str, axis: int, sides: int) -> None:
    """Refuse an axis that an image with so many sides has not."""
    if not -sides - 1 <= axis <= -2:
        kind = "an image" if sides == 2 else "a volume"
        raise ValueError(
            f"{name} has {axis}, but must be among {-sides - 1} to -2 for {kind}: -2 is the width, "
            "-3 the height, -4 the depth that only a volume has."
        )
