"""Losses of measured values."""

import itertools
from collections.abc import Sequence

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


def pinball(
    values: Float[Array, "batch quantiles"],
    labels: Num[Array, "batch"],
    *,
    quantiles: Sequence[float] = (0.05, 0.5, 0.95),
) -> Float[Array, "batch"]:
    """Quantile loss, whose best constant is the quantile of the labels; the mean over quantiles.

    With e = label - value and q the quantile:

        loss = q e where e >= 0, else (q - 1) e

    Args:
        values: predictions of each quantile [batch, quantiles].
        labels: true values [batch], in the unit of `values`.
        quantiles: one per column, each in (0, 1), increasing.

    Returns:
        One loss per example [batch], in that unit.

    Raises:
        ValueError: if shapes disagree, or quantiles are not increasing numbers in (0, 1).

    Example:
        >>> pinball(jnp.array([[0.0, 0.0]]), jnp.array([2.0]), quantiles=(0.25, 0.75))
        Array([1.], dtype=float32)

    References:
        Koenker and Bassett, Regression Quantiles, 1978.
    """
    values, labels = predicted("values", values), measured(labels)
    checks.shapes(values=(values, "batch quantiles"), labels=(labels, "batch"))
    levels = jnp.asarray(increasing_quantiles(quantiles), values.dtype)
    if len(levels) != values.shape[1]:
        raise ValueError(
            f"quantiles has {len(levels)} numbers, but values has {values.shape[1]} columns: give "
            "one per column."
        )
    error = labels[:, None] - values
    return jnp.maximum(levels[None] * error, (levels[None] - 1) * error).mean(axis=1)


def increasing_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """The quantiles as numbers; refused unless they increase within (0, 1)."""
    found = checks.sequence("quantiles", quantiles, "numbers in (0, 1)")
    for number, each in enumerate(found):
        checks.fraction(f"quantiles[{number}]", each, above_zero=True, below_one=True)
    levels = tuple(float(each) for each in found)
    if not levels or any(low >= high for low, high in itertools.pairwise(levels)):
        raise ValueError(f"quantiles is {levels}, but must hold increasing numbers: sort them.")
    return levels
