"""Focal losses: cross entropies that give less weight to examples that are already correct."""

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import binary_labels, predicted, weights_of
from jaxmed.losses.classification import log_odds_against, logits_of_classes
from jaxmed.typing import Array, Float, Int, Num, Option


def focal(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"],
    *,
    gamma: Option = 2.0,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Cross entropy that is reduced where the predicted probability is already high.

    With p = softmax(logits) and weights w (1 without):

        loss = -w_y (1 - p_y)^gamma log p_y

    Args:
        logits: unnormalized log probabilities [batch, classes].
        labels: true classes [batch], in 0 .. classes - 1.
        gamma: focusing parameter, at least 0; 0 gives `cross_entropy`.
        class_weights: weight of an example by its true class [classes], at least 0.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree or `gamma` is negative.

    Example:
        >>> focal(jnp.zeros((1, 2)), jnp.array([1]))  # log 2 / 4
        Array([0.1732868], dtype=float32)

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017, section 3.2.
    """
    logits, labels = logits_of_classes(logits, labels)
    checks.at_least("gamma", gamma, 0)
    against = log_odds_against(logits, labels)
    # In logarithms, because 1 - p_y rounds to 0 early, where gamma < 1 has an infinite gradient.
    focus = jnp.exp(gamma * jax.nn.log_sigmoid(against))
    return jax.nn.softplus(against) * focus * weights_of(labels, class_weights, logits.shape[1])


def binary_focal(
    logits: Float[Array, "batch"],
    labels: Num[Array, "batch"],
    *,
    gamma: Option = 2.0,
    alpha: Option | None = None,
) -> Float[Array, "batch"]:
    """Focal loss of a binary label.

    With p_t the probability of the true class:

        loss = -a_t (1 - p_t)^gamma log p_t

    Args:
        logits: log odds of the positive class [batch].
        labels: 1 for positive, 0 for negative [batch].
        gamma: focusing parameter, at least 0; 0 gives `binary_cross_entropy`.
        alpha: weight a_t of positives, in [0, 1]; that of negatives is 1 - `alpha`. Without it,
            both weights are 1.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree, `gamma` is negative or `alpha` lies outside [0, 1].

    Example:
        >>> binary_focal(jnp.zeros(1), jnp.array([1]), alpha=0.25)  # log 2 / 16
        Array([0.0433217], dtype=float32)

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017, section 3.2.
    """
    logits, labels = predicted("logits", logits), binary_labels(labels)
    checks.shapes(logits=(logits, "batch"), labels=(labels, "batch"))
    checks.at_least("gamma", gamma, 0)
    if alpha is not None:
        checks.fraction("alpha", alpha)
    return optax.losses.sigmoid_focal_loss(logits, labels, alpha=alpha, gamma=gamma)
