"""What a network reads of a batch: numbers with mean 0 and deviation 1 over the training split.

The normalisation is part of the task and not of the data, so that a trained model carries it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxmed.typing import Array, Batch

Inputs: TypeAlias = Callable[[Batch], Array]


def features(training: np.ndarray) -> Inputs:
    """Each column of `features`, less its mean, over its deviation in the training split.

    Args:
        training: `features` [rows, columns] of the training split.
    """
    mean, deviation = mean_and_deviation(training)

    def inputs(batch: Batch) -> Array:
        columns = jnp.asarray(batch["features"])
        return (columns - mean[None]) / deviation[None]

    return inputs


def pixels(training: np.ndarray) -> Inputs:
    """Each channel of `image`, less its mean, over its deviation in the training split.

    Images stay uint8 until here, where they are on the device.

    Args:
        training: `image` [rows, *space, channels] of the training split.
    """
    mean, deviation = mean_and_deviation(training)
    slope, shift = 1 / deviation, mean / deviation

    def inputs(batch: Batch) -> Array:
        image = jnp.asarray(batch["image"], jnp.float32)
        shape = (1,) * (image.ndim - 1) + (-1,)
        return image * slope.reshape(shape) - shift.reshape(shape)

    return inputs


def tokens(batch: Batch) -> Array:
    """`tokens` [batch, ..., length] as they are."""
    return jnp.asarray(batch["tokens"])


def terms(batch: Batch) -> tuple[Array, Array]:
    """`terms` and `weights` [batch, most], as `models.TermSum` reads them."""
    return jnp.asarray(batch["terms"]), jnp.asarray(batch["weights"])


def unit_pixels(batch: Batch) -> Array:
    """`image` [batch, *space, channels] from 0 to 1, as the introductions have it."""
    return jnp.asarray(batch["image"], jnp.float32) / 255


def standardised_images(batch: Batch) -> Array:
    """Each `image` less its own mean, over its own deviation: exposure and gain no longer matter.

    What is learned from the brightness of the whole image is lost. An image of one value is zeros.
    """
    image = jnp.asarray(batch["image"], jnp.float32)
    every = tuple(range(1, image.ndim))
    mean, deviation = (of(image, every, keepdims=True) for of in (jnp.mean, jnp.std))
    return (image - mean) / jnp.maximum(deviation, 1e-3)


def mean_and_deviation(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel, to normalise with: pass the training split only.

    A channel that never varies gets deviation 1, so that dividing by it is safe.

    Args:
        column: [rows, ..., channels], such as images or features.

    Returns:
        (mean [channels], deviation [channels]), float32.
    """
    if not column.size:
        raise ValueError("column is empty: pass the training split, with at least one row.")
    flat = column.reshape(-1, column.shape[-1])
    # One chunk at a time: a float64 copy of a whole split of images would not fit.
    chunks = np.array_split(flat, max(1, flat.size // 10_000_000))
    mean = sum(chunk.sum(0, dtype=np.float64) for chunk in chunks) / len(flat)
    variance = sum(np.square(chunk - mean).sum(0) for chunk in chunks) / len(flat)
    varies = flat.max(0) > flat.min(0)  # a variance of rounding errors is none
    deviation = np.where(varies, np.sqrt(variance), 1)
    return mean.astype(np.float32), deviation.astype(np.float32)
