"""Losses of one class among several, of two, and of several findings."""

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import at_least_float32, check_unless_traced, weights_of
from jaxmed.typing import Array, Float, Int, Num, Option


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
        logits: unnormalised log probabilities.
        labels: true classes, in 0 .. classes - 1.
        label_smoothing: the share of each label that is spread over all classes, in [0, 1].
        class_weights: the weight of an example by its true class, at least 0. The whole loss
            of a row is weighted, the smoothed part too.

    Returns:
        One loss a row, in nats.

    Raises:
        ValueError: if shapes disagree or `label_smoothing` lies outside [0, 1].

    Example:
        >>> cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))  # log 4
        Array([1.3862944], dtype=float32)

    References:
        Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2016,
        section 7 (label smoothing).
    """
    checks.shapes(logits=(logits, "batch classes"), labels=(labels, "batch"))
    check_unless_traced(checks.fraction, "label_smoothing", label_smoothing)
    logits = at_least_float32(logits)
    if isinstance(label_smoothing, int | float) and label_smoothing == 0:
        losses = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
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
    """Cross entropy of one yes-or-no question.

    With p = sigmoid(logit) and w = `positive_weight` (1 without):

        loss = -w y log p - (1 - y) log(1 - p)

    Args:
        logits: log odds of the positive class.
        labels: 1 for positive, 0 for negative.
        positive_weight: how much a positive counts beside a negative, at least 0.

    Returns:
        One loss a row, in nats.

    Raises:
        ValueError: if shapes disagree or `positive_weight` is negative.

    Example:
        >>> binary_cross_entropy(jnp.zeros(1), jnp.array([1]), positive_weight=3.0)  # 3 log 2
        Array([2.0794415], dtype=float32)

    References:
        Bishop, Pattern Recognition and Machine Learning, 2006, equation 4.90.
    """
    checks.shapes(logits=(logits, "batch"), labels=(labels, "batch"))
    losses = optax.losses.sigmoid_binary_cross_entropy(at_least_float32(logits), labels)
    if positive_weight is None:
        return losses
    check_unless_traced(checks.at_least, "positive_weight", positive_weight, 0.0)
    return losses * jnp.where(labels > 0, positive_weight, 1.0)


def multilabel_cross_entropy(
    logits: Float[Array, "batch labels"],
    labels: Num[Array, "batch labels"],
    *,
    positive_weights: Float[Array, "labels"] | None = None,
    label_weights: Float[Array, "labels"] | None = None,
) -> Float[Array, "batch"]:
    """Mean over labels of one binary cross entropy a label.

    Args:
        logits: log odds of each label, independent of the others.
        labels: 1 where the label applies, 0 where it does not.
        positive_weights: by label, how much a positive counts beside a negative, at least 0.
        label_weights: by label, its weight in the mean (divided by their sum), at least 0.

    Returns:
        One loss a row, in nats.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> multilabel_cross_entropy(jnp.zeros((1, 2)), jnp.array([[0, 1]]))  # log 2
        Array([0.6931472], dtype=float32)

    References:
        Wang et al., ChestX-ray8, 2017, section 4.1 (positive weights).
    """
    checks.shapes(logits=(logits, "batch labels"), labels=(labels, "batch labels"))
    losses = optax.losses.sigmoid_binary_cross_entropy(at_least_float32(logits), labels)
    if positive_weights is not None:
        checks.shapes(
            logits=(logits, "batch labels"), positive_weights=(positive_weights, "labels")
        )
        losses = losses * jnp.where(labels > 0, positive_weights[None, :], 1.0)
    if label_weights is None:
        return jnp.mean(losses, axis=1)
    checks.shapes(logits=(logits, "batch labels"), label_weights=(label_weights, "labels"))
    return losses @ (label_weights / jnp.sum(label_weights))


def focal(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"],
    *,
    gamma: Option = 2.0,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Cross entropy that fades where the model is already right.

    With p = softmax(logits) and weights w (1 without):

        loss = -w_y (1 - p_y)^gamma log p_y

    Args:
        logits: unnormalised log probabilities.
        labels: true classes, in 0 .. classes - 1.
        gamma: how fast easy examples fade, at least 0; 0 is `cross_entropy`.
        class_weights: the weight of an example by its true class, at least 0.

    Returns:
        One loss a row, in nats.

    Raises:
        ValueError: if shapes disagree or `gamma` is negative.

    Example:
        >>> focal(jnp.zeros((1, 2)), jnp.array([1]))  # log 2 / 4
        Array([0.1732868], dtype=float32)

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017, section 3.2.
    """
    checks.shapes(logits=(logits, "batch classes"), labels=(labels, "batch"))
    check_unless_traced(checks.at_least, "gamma", gamma, 0.0)
    logits = at_least_float32(logits)
    losses = optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels)
    # 1 - p_y rounds to zero long before its logarithm does, and gamma < 1 wants its gradient.
    other = jnp.arange(logits.shape[1])[None, :] != labels[:, None]
    log_rest = jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=1, where=other)
    fade = jnp.exp(gamma * log_rest)
    return losses * fade * weights_of(labels, class_weights, logits.shape[1])


def squared_hinge(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """The loss of a support vector machine, each class against all others.

    With t_k = 1 for the true class y and -1 for the others:

        loss = sum_k v_k max(0, 1 - t_k logit_k)^2,  v_y = w_y and 1 elsewhere

    Args:
        logits: signed distances from the decision.
        labels: true classes, in 0 .. classes - 1.
        class_weights: w, the weight of a class where it is the true one, 1 without, as in
            scikit-learn's `LinearSVC`.

    Returns:
        One loss a row.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> squared_hinge(jnp.array([[0.5, -2.0]]), jnp.array([0]))  # (1 - .5)^2
        Array([0.25], dtype=float32)

    References:
        Fan et al., LIBLINEAR, 2008, section 2; Tang, Deep Learning using Linear SVMs, 2013.
    """
    checks.shapes(logits=(logits, "batch classes"), labels=(labels, "batch"))
    logits = at_least_float32(logits)
    true = jnp.arange(logits.shape[1])[None, :] == labels[:, None]
    short = jnp.maximum(0, 1 - jnp.where(true, logits, -logits)) ** 2
    weights = weights_of(labels, class_weights, logits.shape[1])
    return jnp.where(true, weights[:, None] * short, short).sum(1)


def binary_focal(
    logits: Float[Array, "batch"],
    labels: Num[Array, "batch"],
    *,
    gamma: Option = 2.0,
    alpha: Option | None = None,
) -> Float[Array, "batch"]:
    """Focal loss of one yes-or-no question.

    With p_t the probability of the true answer:

        loss = -a_t (1 - p_t)^gamma log p_t

    Args:
        logits: log odds of the positive class.
        labels: 1 for positive, 0 for negative.
        gamma: how fast easy examples fade, at least 0; 0 is `binary_cross_entropy`.
        alpha: the weight a_t of positives, in [0, 1]; negatives get 1 - `alpha`. Without it,
            both count 1.

    Returns:
        One loss a row, in nats.

    Raises:
        ValueError: if shapes disagree, `gamma` is negative or `alpha` lies outside [0, 1].

    Example:
        >>> binary_focal(jnp.zeros(1), jnp.array([1]), alpha=0.25)  # log 2 / 16
        Array([0.0433217], dtype=float32)

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017, section 3.2.
    """
    checks.shapes(logits=(logits, "batch"), labels=(labels, "batch"))
    check_unless_traced(checks.at_least, "gamma", gamma, 0.0)
    if alpha is not None:
        check_unless_traced(checks.fraction, "alpha", alpha)
    logits = at_least_float32(logits)
    return optax.losses.sigmoid_focal_loss(logits, labels, alpha=alpha, gamma=gamma)
