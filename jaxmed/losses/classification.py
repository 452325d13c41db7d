"""Cross entropies: of one class out of several, of two classes, and of independent labels."""

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import (
    binary_labels,
    class_labels,
    predicted,
    weights,
    weights_of,
)
from jaxmed.typing import AnyArray, Array, Float, Int, Num, Option


def cross_entropy(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"],
    *,
    label_smoothing: Option = 0.0,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Cross entropy of one class out of several.

    With p = softmax(logits), a = `label_smoothing`, K classes and weights w (1 without):

        loss = -w_y ((1 - a) log p_y + a/K sum_k log p_k)

    Args:
        logits: unnormalized log probabilities [batch, classes].
        labels: true classes [batch], in 0 .. classes - 1.
        label_smoothing: the fraction of each label that is spread over all classes, in [0, 1].
        class_weights: weight of an example by its true class [classes], at least 0. The whole
            loss of an example is weighted, including the smoothed part.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree or `label_smoothing` lies outside [0, 1].

    Example:
        >>> cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))  # log 4
        Array([1.3862944], dtype=float32)

    References:
        Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016,
        section 7 (label smoothing).
    """
    logits, labels = logits_of_classes(logits, labels)
    checks.fraction("label_smoothing", label_smoothing)
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        losses = jax.nn.softplus(log_odds_against(logits, labels))
    else:
        one_hot = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
        smoothed = optax.losses.smooth_labels(one_hot, label_smoothing)
        losses = optax.losses.softmax_cross_entropy(logits, smoothed)
    return losses * weights_of(labels, class_weights, logits.shape[1])


def binary_cross_entropy(
    logits: Float[Array, "batch"],
    labels: Num[Array, "batch"],
    *,
    positive_weight: Option | None = None,
) -> Float[Array, "batch"]:
    """Cross entropy of a binary label.

    With p = sigmoid(logit) and w = `positive_weight` (1 without):

        loss = -w y log p - (1 - y) log(1 - p)

    Args:
        logits: log odds of the positive class [batch].
        labels: 1 for positive, 0 for negative [batch].
        positive_weight: weight of a positive relative to a negative, at least 0.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree or `positive_weight` is negative.

    Example:
        >>> binary_cross_entropy(jnp.zeros(1), jnp.array([1]), positive_weight=3.0)  # 3 log 2
        Array([2.0794415], dtype=float32)

    References:
        Bishop, Pattern Recognition and Machine Learning, 2006, equation 4.90.
    """
    logits, labels = predicted("logits", logits), binary_labels(labels)
    checks.shapes(logits=(logits, "batch"), labels=(labels, "batch"))
    losses = optax.losses.sigmoid_binary_cross_entropy(logits, labels)
    if positive_weight is None:
        return losses
    checks.at_least("positive_weight", positive_weight, 0)
    return losses * jnp.where(labels > 0, positive_weight, 1.0)


def multilabel_cross_entropy(
    logits: Float[Array, "batch labels"],
    labels: Num[Array, "batch labels"],
    *,
    positive_weights: Float[Array, "labels"] | None = None,
    label_weights: Float[Array, "labels"] | None = None,
) -> Float[Array, "batch"]:
    """Mean over labels of the binary cross entropy of each label.

    Args:
        logits: log odds of each label [batch, labels].
        labels: 1 where the label applies, 0 where it does not [batch, labels].
        positive_weights: per label [labels], weight of a positive relative to a negative, at
            least 0.
        label_weights: per label [labels], its weight in the mean (divided by their sum), at least
            0.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> multilabel_cross_entropy(jnp.zeros((1, 2)), jnp.array([[0, 1]]))  # log 2
        Array([0.6931472], dtype=float32)

    References:
        Wang et al., ChestX-ray8, 2017, section 4.1 (positive weights).
    """
    logits, labels = predicted("logits", logits), binary_labels(labels)
    checks.shapes(logits=(logits, "batch labels"), labels=(labels, "batch labels"))
    losses = optax.losses.sigmoid_binary_cross_entropy(logits, labels)
    if positive_weights is not None:
        own = weights("positive_weights", positive_weights, "label", logits.shape[1])
        losses = losses * jnp.where(labels > 0, own[None, :], 1.0)
    if label_weights is None:
        return jnp.mean(losses, axis=1)
    each = weights("label_weights", label_weights, "label", logits.shape[1])
    return losses @ (each / jnp.sum(each))


def log_odds_against(
    logits: Float[Array, "batch classes"], labels: Int[Array, "batch"]
) -> Float[Array, "batch"]:
    """log((1 - p_y) / p_y) of the true class y under softmax, from which its losses follow.

    Only differences of logits enter: no digit is lost where they are large or p_y is near 1.
    """
    true = jnp.take_along_axis(logits, labels[:, None], axis=1)
    other = jnp.arange(logits.shape[1])[None, :] != labels[:, None]
    return jax.nn.logsumexp(logits - true, axis=1, where=other)


def logits_of_classes(logits: AnyArray, labels: AnyArray) -> tuple[Array, Array]:
    """Logits [batch, classes] and labels [batch] as arrays that agree."""
    logits = predicted("logits", logits)
    checks.shapes(logits=(logits, "batch classes"))
    labels = class_labels(labels, logits.shape[1])
    checks.shapes(logits=(logits, "batch classes"), labels=(labels, "batch"))
    return logits, labels
