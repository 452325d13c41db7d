"""Random brightness, contrast, gamma, noise and blur: values change, positions do not.

Strengths are fractions of the scale from 0 to 255. Not for images whose values are measurements,
such as Hounsfield units: there only blur keeps the meaning of the values.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.data.augment.image import WHITE, Augmentation, as_dtype_of, pixels_of, space
from jaxmed.data.augment.moves import changing_values
from jaxmed.typing import Array, Float, Key


def random_brightness(strength: float) -> Augmentation:
    """Add one uniform number to all values, up to `strength` of the scale up or down.

    Args:
        strength: in [0, 1].
    """
    checks.fraction("strength", strength)

    def augment(key: Key, image: Array) -> Array:
        offset = jax.random.uniform(key, (), minval=-strength, maxval=strength)
        return as_dtype_of(image, _values(image) + WHITE * offset)

    return changing_values(augment)


def random_contrast(strength: float) -> Augmentation:
    """Multiply the distance of each channel from its mean by 1 - strength to 1 + strength.

    Args:
        strength: in [0, 1]; at 1 an image may lose all contrast.
    """
    checks.fraction("strength", strength)

    def augment(key: Key, image: Array) -> Array:
        values = _values(image)
        mean = values.mean(range(image.ndim - 1), keepdims=True)
        more = jax.random.uniform(key, (), minval=-strength, maxval=strength)
        return as_dtype_of(image, values + more * (values - mean))

    return changing_values(augment)


def random_gamma(strength: float) -> Augmentation:
    """Raise values to a power, keeping black and white: x -> 255 (x / 255)^g.

    The logarithm of g is uniform between those of 1 / (1 + strength) and 1 + strength.

    Args:
        strength: at least 0; 0.2 is mild.
    """
    checks.at_least("strength", strength, 0)

    def augment(key: Key, image: Array) -> Array:
        limit = jnp.log1p(strength)
        more = jnp.expm1(jax.random.uniform(key, (), minval=-limit, maxval=limit))  # g - 1
        values = _values(image)
        # Values at or below black have no logarithm and stay: noise on floats goes below 0.
        logarithm = jnp.log(jnp.where(values > 0, values, WHITE) / WHITE)
        return as_dtype_of(image, values * jnp.exp(more * logarithm))

    return changing_values(augment)


def random_gaussian_noise(strength: float) -> Augmentation:
    """Add Gaussian noise; its standard deviation is uniform from 0 to `strength` of the scale.

    Args:
        strength: the largest standard deviation, in [0, 1].
    """
    checks.fraction("strength", strength)

    def augment(key: Key, image: Array) -> Array:
        deviation_key, noise_key = jax.random.split(key)
        deviation = WHITE * jax.random.uniform(deviation_key, (), maxval=strength)
        values = _values(image)
        return as_dtype_of(image, values + deviation * jax.random.normal(noise_key, image.shape))

    return changing_values(augment)


def random_gaussian_blur(sigma: float) -> Augmentation:
    """Blur with a Gaussian whose standard deviation is uniform from 0 to `sigma`.

    Args:
        sigma: in pixels, at least 0.
    """
    checks.at_least("sigma", sigma, 0)

    def augment(key: Key, image: Array) -> Array:
        deviation = jax.random.uniform(key, (), maxval=sigma)
        return as_dtype_of(image, gaussian_blur(_values(image), deviation))

    return changing_values(augment)


def gaussian_blur(
    values: Float[Array, "*space channels"], sigma: float | Float[Array, ""]
) -> Float[Array, "*space channels"]:
    """Every value as a Gaussian mean of the values around it, within the image.

    Weights are divided by their sum within the image, so nothing darkens towards its edge. One
    matrix product per side: `sigma` may be traced, and convolutions are slow in compiled loops on
    a CPU.

    Args:
        values: an image, a volume, or a field of displacements.
        sigma: standard deviation in pixels, at least 0; 0 changes nothing.
    """
    values = pixels_of("values", values)
    checks.at_least("sigma", sigma, 0)
    if values.ndim < 2:
        raise ValueError(f"values has shape {values.shape}, but must be [*space, channels].")
    for axis, side in enumerate(values.shape[:-1]):
        places = jnp.arange(side, dtype=values.dtype)
        distance = (places[:, None] - places[None, :]) / jnp.maximum(sigma, 1e-6)
        weights = jnp.exp(-(distance**2) / 2)
        weights = weights / weights.sum(1, keepdims=True)
        mixed = jnp.tensordot(weights, values, (1, axis), precision=jax.lax.Precision.HIGHEST)
        values = jnp.moveaxis(mixed, 0, axis)
    return values


def _values(image: Array) -> Array:
    space(image)  # refuses other shapes and dtypes
    return image.astype(jnp.promote_types(image.dtype, jnp.float32))
