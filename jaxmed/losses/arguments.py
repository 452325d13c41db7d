"""What the losses share: arrays at the door, precision, class weights, and options.

Values are checked unless they are traced, where only shapes and types are known.
"""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import AnyArray, Array


def predicted(name: str, value: AnyArray) -> Array:
    """Logits or values as an array of JAX, in float32 or their own type if that is wider."""
    x = jnp.asarray(_numbers(name, value))
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def class_labels(labels: AnyArray, classes: int, *, least: int = 0) -> Array:
    """Labels of one class each, as integers; refused outside of least .. classes - 1."""
    labels = _numbers("labels", labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer) and labels.dtype != bool:
        raise ValueError(
            f"labels is {labels.dtype}, but must hold whole numbers, each of one class: "
            "convert it with astype(int)."
        )
    _in_range("labels", labels, least, classes - 1)
    return jnp.asarray(labels).astype(jnp.int32)


def binary_labels(labels: AnyArray) -> Array:
    """Labels that are 0 or 1, or between where they are probabilities."""
    labels = _numbers("labels", labels)
    _in_range("labels", labels, 0, 1)
    return jnp.asarray(labels, jnp.float32 if labels.dtype == bool else None)


def partly_binary_labels(labels: AnyArray) -> Array:
    """Labels that are 0 or 1, or -1 where they are not known."""
    labels = _numbers("labels", labels)
    _in_range("labels", labels, -1, 1)
    return jnp.asarray(labels, jnp.float32)


def measured(labels: AnyArray) -> Array:
    """Labels that are measured values."""
    labels = jnp.asarray(_numbers("labels", labels))
    return labels.astype(jnp.float32) if labels.dtype == bool else labels


def weights(name: str, value: AnyArray, axis: str, length: int) -> Array:
    """Weights [length] of at least 0."""
    value = _numbers(name, value)
    if value.shape != (length,):
        raise ValueError(
            f"{name} has shape {value.shape}, but must be ({length},): give one weight per {axis}."
        )
    _in_range(name, value, 0, float(np.finfo(np.float32).max))
    return jnp.asarray(value)


def weights_of(labels: Array, class_weights: AnyArray | None, classes: int) -> Array:
    """The weight of each example by its class [batch]; 1 without weights."""
    if class_weights is None:
        return jnp.ones(labels.shape)
    return weights("class_weights", class_weights, "class", classes)[labels]


def _numbers(name: str, value: AnyArray) -> AnyArray:
    """An array of real numbers; a list becomes one of NumPy's."""
    if not isinstance(value, jax.Array):
        return checks.real_array(name, value)
    real = jnp.issubdtype(value.dtype, jnp.integer) or jnp.issubdtype(value.dtype, jnp.floating)
    if not real and value.dtype != bool:
        raise ValueError(f"{name} is {value.dtype}, but must hold real numbers: convert it.")
    return value


def _in_range(name: str, value: AnyArray, low: float, high: float) -> None:
    """Refuse values that are known and outside of [low, high]."""
    traced = isinstance(value, jax.core.Tracer)
    if traced or (isinstance(value, jax.Array) and not value.is_fully_addressable):
        return
    found = np.asarray(value)
    outside = found[~((found >= low) & (found <= high))]
    if outside.size:
        range_ = f"at least {low} and finite" if high > 2**32 else f"in {low} .. {high}"
        raise ValueError(f"{name} holds {outside.ravel()[0]}, but must be {range_}: correct it.")
