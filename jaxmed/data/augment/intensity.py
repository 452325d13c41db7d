"""Images made brighter, flatter, noisier or less sharp: changes of values, none of places.

Strengths are shares of the scale from 0 to 255. Not for images whose values are measurements,
such as Hounsfield units: there only blur leaves the meaning alone.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.augment.image import WHITE, Change, restored, space
from jaxmed.typing import Array, Float, Key


def brightness(strength: float) -> Change:
    """Add one uniform number, up to `strength` of the scale up or down.

    Args:
        strength: in [0, 1].
    """
    checks.fraction("strength", strength)

    def change(key: Key, image: Array) -> Array:
        offset = jax.random.uniform(key, (), minval=-strength, maxval=strength)
        return restored(_values(image) + WHITE * offset, image)

    return change


def contrast(strength: float) -> Change:
    """Multiply the distance of each channel from its mean by 1 - strength to 1 + strength.

    Args:
        strength: in [0, 1]; at 1 an image may become flat.
    """
    checks.fraction("strength", strength)

    def change(key: Key, image: Array) -> Array:
        values = _values(image)
        mean = values.mean(range(image.ndim - 1), keepdims=True)
        more = jax.random.uniform(key, (), minval=-strength, maxval=strength)
        return restored(values + more * (values - mean), image)

    return change


def gamma(strength: float) -> Change:
    """Raise values to a power, black staying black and white white: x -> 255 (x / 255)^g.

    The logarithm of g is uniform between those of 1 / (1 + strength) and 1 + strength.

    Args:
        strength: at least 0; 0.2 for a little.
    """
    checks.at_least("strength", strength, 0)

    def change(key: Key, image: Array) -> Array:
        limit = jnp.log1p(strength)
        more = jnp.expm1(jax.random.uniform(key, (), minval=-limit, maxval=limit))  # g - 1
        values = _values(image)
        # What is not above black has no power, and stays: in floating numbers, noise goes there.
        logarithm = jnp.log(jnp.where(values > 0, values, WHITE) / WHITE)
        return restored(values * jnp.exp(more * logarithm), image)

    return change


def noise(strength: float) -> Change:
    """Add Gaussian noise to every value; its deviation is uniform up to `strength` of the scale.

    Args:
        strength: largest standard deviation, in [0, 1].
    """
    checks.fraction("strength", strength)

    def change(key: Key, image: Array) -> Array:
        how, which = jax.random.split(key)
        deviation = WHITE * jax.random.uniform(how, (), maxval=strength)
        values = _values(image)
        return restored(values + deviation * jax.random.normal(which, image.shape), image)

    return change


def blur(sigma: float) -> Change:
    """Blur by a Gaussian whose standard deviation is uniform from 0 to `sigma`.

    Args:
        sigma: in pixels, at least 0.
    """
    checks.at_least("sigma", sigma, 0)

    def change(key: Key, image: Array) -> Array:
        deviation = jax.random.uniform(key, (), maxval=sigma)
        return restored(blurred(_values(image), deviation), image)

    return change


def blurred(
    values: Float[Array, "*space channels"], sigma: float | Float[Array, ""]
) -> Float[Array, "*space channels"]:
    """Every value as a Gaussian mean of those around it, in the image alone.

    Weights are divided by their sum within the image, so nothing darkens towards its edge. It is
    one matrix product a side: `sigma` may be traced, and convolutions are slow in compiled loops
    on a CPU.

    Args:
        values: an image, a volume, or a field of displacements.
        sigma: standard deviation in pixels, at least 0; 0 changes nothing.
    """
    for axis, side in enumerate(values.shape[:-1]):
        places = jnp.arange(side, dtype=values.dtype)
        distance = (places[:, None] - places[None, :]) / jnp.maximum(sigma, 1e-6)
        weights = jnp.exp(-(distance**2) / 2)
        weights = weights / weights.sum(1, keepdims=True)
        mixed = jnp.tensordot(weights, values, (1, axis), precision=jax.lax.Precision.HIGHEST)
        values = jnp.moveaxis(mixed, 0, axis)
    return values


def _values(image: Array) -> Array:
    space(image)  # refuses what is no image
    return image.astype(jnp.promote_types(image.dtype, jnp.float32))
