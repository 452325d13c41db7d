"""Losses of several targets, of which some are not known."""

import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import measured, partly_binary_labels, predicted
from jaxmed.typing import Array, Float, Num


def partial_cross_entropy(
    logits: Float[Array, "batch labels"], labels: Num[Array, "batch labels"]
) -> Float[Array, "batch"]:
    """Sum of the binary cross entropies of the labels that are known, over the number of labels.

        loss = -1/T sum_{t known} (y_t log p_t + (1 - y_t) log(1 - p_t))

    Each known label weighs the same in a batch, whichever row it stands in; a row without any has
    the loss 0.

    Args:
        logits: log odds of each label [batch, labels].
        labels: 1 where the label applies, 0 where it does not, -1 where it is not known.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree or a label is none of these.

    Example:
        >>> partial_cross_entropy(jnp.zeros((1, 2)), jnp.array([[1, -1]]))  # log(2) / 2
        Array([0.3465736], dtype=float32)

    References:
        Yang et al., Analyzing Learned Molecular Representations for Property Prediction, 2019,
        section "Multitask learning".
    """
    logits, labels = predicted("logits", logits), partly_binary_labels(labels)
    checks.shapes(logits=(logits, "batch labels"), labels=(labels, "batch labels"))
    known = labels >= 0
    losses = optax.losses.sigmoid_binary_cross_entropy(logits, jnp.where(known, labels, 0))
    return jnp.where(known, losses, 0).mean(axis=1)


def partial_squared_error(
    values: Float[Array, "batch targets"], labels: Num[Array, "batch targets"]
) -> Float[Array, "batch"]:
    """Sum of the squared differences of the targets that are known, over the number of targets.

        loss = 1/T sum_{t known} (value_t - y_t)^2

    Args:
        values: predictions [batch, targets].
        labels: true values [batch, targets], NaN where they are not known.

    Returns:
        One loss per example [batch].

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> partial_squared_error(jnp.array([[3.0, 1.0]]), jnp.array([[1.0, jnp.nan]]))
        Array([2.], dtype=float32)
    """
    values, labels = predicted("values", values), measured(labels)
    checks.shapes(values=(values, "batch targets"), labels=(labels, "batch targets"))
    known = ~jnp.isnan(labels)
    # The label is filled before the difference: a NaN times 0 would still be one in the gradient.
    losses = optax.losses.squared_error(values, jnp.where(known, labels, 0))
    return jnp.where(known, losses, 0).mean(axis=1)
