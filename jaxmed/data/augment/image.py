"""How augmentations of images are built: one after another, or by chance.

An augmentation is a pure function `(key, image) -> image` that runs on the device. An image is
[height, width, channels], a volume [depth, height, width, channels]. All augmentations keep the
dtype and the scale:

- uint8, from 0 (black) to 255 (white), is rounded and clipped after every augmentation.
- Floating values are neither rounded nor clipped: they may be measurements, such as Hounsfield
  units.

Begin `compose` with `as_float32` where a chain of several should not round in between. At strength
zero an augmentation returns its image bit for bit. What it draws depends on its key alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.augment.moves import PairedAugmentation, Row, changing_values
from jaxmed.typing import Array, Key

Augmentation: TypeAlias = Callable[[Key, Array], Array]
"""`(key, image) -> image`."""
WHITE = 255
MOST_PIXELS = 2**20
"""The longest side that is believed."""

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, eq=False)
class Composed(Generic[T]):
    """Augmentations one after another, each with its own key.

    Attributes:
        parts: `(key, value) -> value`, of images, of rows or of batches.
    """

    parts: tuple[Callable[[Key, T], T], ...]

    def __call__(self, key: Key, value: T) -> T:
        """The value changed by all parts."""
        for each, own in zip(self.parts, jax.random.split(key, len(self.parts)), strict=True):
            value = each(own, value)
        return value


def compose(*augmentations: Callable[[Key, T], T]) -> Callable[[Key, T], T]:
    """Apply several augmentations in order, each with its own key; of images, or of batches."""
    for number, each in enumerate(augmentations):
        checks.function(f"augmentations[{number}]", each, "(key, image) -> image")
    return Composed(augmentations)


def random_apply(augmentation: Augmentation, *, probability: float) -> Augmentation:
    """Apply an augmentation with the given probability, else return the image as it is.

    Args:
        augmentation: must keep the shape.
        probability: in [0, 1].
    """
    checks.function("augmentation", augmentation, "(key, image) -> image")
    checks.fraction("probability", probability)

    def by_chance(change: Callable[[Key, T], T]) -> Callable[[Key, T], T]:
        def augment(key: Key, value: T) -> T:
            choice_key, own = jax.random.split(key)
            chosen = jax.random.bernoulli(choice_key, float(probability))
            return jax.tree.map(lambda x, y: jnp.where(chosen, x, y), change(own, value), value)

        return augment

    of_row = row_of(augmentation)
    if of_row is None:
        return by_chance(augmentation)
    return PairedAugmentation(by_chance(augmentation), by_chance(of_row))


def image_only(augmentation: Augmentation) -> Augmentation:
    """Declare that a function of your own moves no pixel: `paired` then leaves labels as they are.

    Nothing checks it. If the function does move pixels, labels no longer fit their image.

    Args:
        augmentation: `(key, image) -> image`, such as a change of contrast.
    """
    checks.function("augmentation", augmentation, "(key, image) -> image")
    return changing_values(augmentation)


def as_float32(key: Key, image: Array) -> Array:
    """The image as float32 on the same scale, so that the augmentations after it do not round.

    The image is [*space, channels], from 0 to 255 if it was uint8; `key` is not used.
    """
    del key
    image = pixels_of("image", image)
    space(image)  # refuses other shapes
    return image.astype(jnp.float32)


def row_of(augmentation: Callable[..., object]) -> Callable[[Key, Row], Row] | None:
    """How an augmentation changes an image and its labels; None where it does not say so."""
    if augmentation is as_float32:  # a plain function, as it has no settings
        augmentation = changing_values(as_float32)
    if not isinstance(augmentation, Composed):
        return augmentation.row if isinstance(augmentation, PairedAugmentation) else None
    rows = [of_row for each in augmentation.parts if (of_row := row_of(each)) is not None]
    return Composed(tuple(rows)) if len(rows) == len(augmentation.parts) else None


def pixels_of(name: str, value: Array) -> Array:
    """`value` as an array of JAX that holds real numbers; lists are converted."""
    if isinstance(value, jax.core.Tracer):
        return value
    return jnp.asarray(checks.real_array(name, value))


def space(image: Array) -> tuple[int, ...]:
    """The sides of an image (height, width) or volume (depth, height, width), in pixels.

    Raises:
        ValueError: It is neither, or holds integers other than uint8.
    """
    if image.ndim not in (3, 4):
        raise ValueError(
            f"image has shape {image.shape}, but must be [height, width, channels], or "
            "[depth, height, width, channels] for a volume: add the axis that is missing."
        )
    if 0 in image.shape:
        raise ValueError(f"image has shape {image.shape}, but must have at least one pixel.")
    if jnp.issubdtype(image.dtype, jnp.integer) and image.dtype != jnp.uint8:
        raise ValueError(
            f"image is {image.dtype}, but must be uint8 or floating: window it to uint8, or keep "
            "measured values as float32."
        )
    return tuple(image.shape[:-1])


def as_dtype_of(image: Array, values: Array) -> Array:
    """Computed values in the dtype of `image`: rounded and clipped where that is uint8."""
    if jnp.issubdtype(image.dtype, jnp.integer):
        values = jnp.round(values.clip(0, WHITE))
    return values.astype(image.dtype)


def axes_of(name: str, axes: Sequence[int]) -> tuple[int, ...]:
    """Axes that are counted from the end, each named once; refused where no image has them."""
    found = checks.sequence(name, axes, "axes, -2 (width), -3 (height) or -4 (depth)")
    numbers = tuple(
        checks.whole(f"{name}[{i}]", axis, least=-4, most=-2) for i, axis in enumerate(found)
    )
    if len(set(numbers)) != len(numbers):
        raise ValueError(f"{name} is {numbers}, but must name axes of an image, each once.")
    return numbers


def check_axis(name: str, axis: int, sides: int) -> None:
    """Refuse an axis that an image with that many sides does not have."""
    if not -sides - 1 <= axis <= -2:
        kind = "an image" if sides == 2 else "a volume"
        raise ValueError(
            f"{name} has {axis}, but must be among {-sides - 1} to -2 for {kind}: -2 is the width, "
            "-3 the height, -4 the depth, which only a volume has."
        )
