"""What the losses share: precision, class weights, and checks that let traced numbers pass."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmed.typing import Array, Option


def at_least_float32(x: Array) -> Array:
    """`x` in float32, or in its own type if that is wider."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def weights_of(labels: Array, class_weights: Array | None, classes: int) -> Array:
    """The weight of each example by its class [batch]; 1 without weights."""
    if class_weights is None:
        return jnp.ones(labels.shape)
    if class_weights.shape != (classes,):
        raise ValueError(
            f"class_weights has shape {class_weights.shape}, but must be ({classes},): "
            "give one weight per class."
        )
    return class_weights[labels]


def check_unless_traced(
    check: Callable[..., None], name: str, value: Option, *limits: float
) -> None:
    """Run a check on a number, but not on a traced one, whose value is unknown."""
    if not isinstance(value, jax.core.Tracer):
        check(name, float(value), *limits)
