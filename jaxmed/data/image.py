"""Random changes of one image or volume each, on the device, as pure functions of (key, image)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.typing import Array, Batch, Key, Transform


def each_image(change: Callable[[Key, Array], Array]) -> Transform:
    """Lift `(key, image) -> image` to a whole batch: every row gets a key of its own."""

    def augment(key: Key, batch: Batch) -> Batch:
        keys = row_keys(key, batch["image"].shape[0])
        return {**batch, "image": jax.vmap(change)(keys, batch["image"])}

    return augment


def random_shift(pixels: int) -> Callable[[Key, Array], Array]:
    """Move an image or volume by up to `pixels` along each side; zeros come in from the edge.

    Args:
        pixels: largest shift, at least 1.
    """
    checks.positive("pixels", pixels)

    def shift(key: Key, image: Array) -> Array:
        sides = image.ndim - 1
        padded = jnp.pad(image, [(pixels, pixels)] * sides + [(0, 0)])
        start = jax.random.randint(key, (sides,), 0, 2 * pixels + 1)
        return jax.lax.dynamic_slice(padded, (*start, 0), image.shape)

    return shift


def random_flip(key: Key, image: Array) -> Array:
    """Mirror an image left to right, or not, with equal chance.

    Not for images whose sides mean something, such as chest X-rays.
    """
    return jnp.where(jax.random.bernoulli(key), jnp.flip(image, -2), image)


def in_turn(*changes: Callable[[Key, Array], Array]) -> Callable[[Key, Array], Array]:
    """One random change after another, each with a key of its own."""

    def change(key: Key, image: Array) -> Array:
        for each, own in zip(changes, jax.random.split(key, len(changes)), strict=True):
            image = each(own, image)
        return image

    return change
