"""Images on the device: uint8 in, floating numbers out, and random changes of one image each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.typing import Array, Batch, Key, Transform


def normalised(mean: Any, deviation: Any) -> Callable[[Batch], Array]:
    """Inputs of a network: (image / 255 - mean) / deviation.

    Args:
        mean: a number, or one a channel, of the training split's image / 255.
        deviation: likewise, greater than 0.
    """
    mean, slope = jnp.float32(mean), 1 / (255 * jnp.float32(deviation))

    def inputs(batch: Batch) -> Array:
        image = batch["image"].astype(jnp.float32)
        shape = (1,) * (image.ndim - 1) + (-1,)
        return image * slope.reshape(shape) - (mean * slope * 255).reshape(shape)

    return inputs


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
