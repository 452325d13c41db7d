"""Losses of measured values."""

import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import measured, predicted
from jaxmed.typing import Array, Float, Num, Option


def squared_error(
    values: Float[Array, "batch"], labels: Num[Array, "batch"]
) -> Float[Array, "batch"]:
    """Squared difference, (value - label)^2, without the factor one half.

    Args:
        values: predictions [batch].
        labels: true values [batch], in the unit of `values`.

    Returns:
        One loss per example [batch], in that unit squared.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> squared_error(jnp.array([3.0]), jnp.array([1.0]))
        Array([4.], dtype=float32)
    """
    values, labels = predicted("values", values), measured(labels)
    checks.shapes(values=(values, "batch"), labels=(labels, "batch"))
    return optax.losses.squared_error(values, labels)


def absolute_error(
    values: Float[Array, "batch"], labels: Num[Array, "batch"]
) -> Float[Array, "batch"]:
    """Absolute difference, |value - label|.

    Args:
        values: predictions [batch].
        labels: true values [batch], in the unit of `values`.

    Returns:
        One loss per example [batch], in that unit.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> absolute_error(jnp.array([3.0]), jnp.array([1.0]))
        Array([2.], dtype=float32)
    """
    values, labels = predicted("values", values), measured(labels)
    checks.shapes(values=(values, "batch"), labels=(labels, "batch"))
    return jnp.abs(values - labels)


def huber(
    values: Float[Array, "batch"],
    labels: Num[Array, "batch"],
    *,
    delta: Option = 1.0,
) -> Float[Array, "batch"]:
    """Squared error for small differences, absolute error for large ones.

    With e = |value - label|:

        loss = e^2 / 2 where e <= delta, else delta (e - delta / 2)

    Args:
        values: predictions [batch].
        labels: true values [batch], in the unit of `values`.
        delta: difference at which the loss becomes linear, in that unit, above 0.

    Returns:
        One loss per example [batch], in that unit squared.

    Raises:
        ValueError: if shapes disagree or `delta` is not positive.

    Example:
        >>> huber(jnp.array([0.5, 3.0]), jnp.zeros(2))
        Array([0.125, 2.5  ], dtype=float32)

    References:
        Huber, Robust Estimation of a Location Parameter, 1964, section 3.
    """
    values, labels = predicted("values", values), measured(labels)
    checks.shapes(values=(values, "batch"), labels=(labels, "batch"))
    checks.positive("delta", delta)
    return optax.losses.huber_loss(values, labels, delta=delta)
