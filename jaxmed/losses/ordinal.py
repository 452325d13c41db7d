"""Loss and probabilities of ordered classes, such as grades."""

import jax
import jax.numpy as jnp
import optax

from jaxmed import checks
from jaxmed.losses.arguments import class_labels, predicted, weights_of
from jaxmed.typing import Array, Float, Int


def ordinal(
    logits: Float[Array, "batch thresholds"],
    labels: Int[Array, "batch"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Negative log likelihood of the sequential (continuation-ratio) model of ordered classes.

    Logit k is the log odds of exceeding grade k among examples that reach it:
    P(y > k | y >= k) = sigmoid(logit_k). With K = thresholds + 1 classes:

        log p(y) = sum_{j < y} log sigmoid(logit_j) + [y < K - 1] log sigmoid(-logit_y)

    Args:
        logits: one per threshold [batch, thresholds], one fewer than there are classes.
        labels: true grades [batch], in 0 .. thresholds.
        class_weights: weight of an example by its true grade [classes], at least 0.

    Returns:
        One loss per example [batch], in nats.

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> ordinal(jnp.zeros((3, 2)), jnp.array([0, 1, 2]))  # log 2, 2 log 2, 2 log 2
        Array([0.6931472, 1.3862944, 1.3862944], dtype=float32)

    References:
        Tutz, Sequential models in categorical regression, 1991, section 2;
        Shi, Cao and Raschka, Deep neural networks for rank-consistent ordinal regression based
        on conditional probabilities, 2023, section 3.
    """
    logits = predicted("logits", logits)
    checks.shapes(logits=(logits, "batch thresholds"))
    labels = class_labels(labels, logits.shape[1] + 1)
    checks.shapes(logits=(logits, "batch thresholds"), labels=(labels, "batch"))
    thresholds = jnp.arange(logits.shape[1])[None, :]
    beyond = thresholds < labels[:, None]
    reached = thresholds <= labels[:, None]
    losses = optax.losses.sigmoid_binary_cross_entropy(logits, beyond)
    losses = jnp.sum(losses, axis=1, where=reached)
    return losses * weights_of(labels, class_weights, logits.shape[1] + 1)


def ordinal_probabilities(
    logits: Float[Array, "batch thresholds"],
) -> Float[Array, "batch classes"]:
    """Probabilities of the ordered classes under the model of `ordinal`.

    Args:
        logits: one per threshold [batch, thresholds].

    Returns:
        [batch, thresholds + 1], one column per class; each row sums to one.

    Raises:
        ValueError: if `logits` does not have two axes.

    Example:
        >>> ordinal_probabilities(jnp.zeros((1, 2)))
        Array([[0.5 , 0.25, 0.25]], dtype=float32)

    References:
        Tutz, Sequential models in categorical regression, 1991, section 2.
    """
    logits = predicted("logits", logits)
    checks.shapes(logits=(logits, "batch thresholds"))
    log_reached = jnp.cumsum(jax.nn.log_sigmoid(logits), axis=1)
    log_stopped = jax.nn.log_sigmoid(-logits)
    # Every example reaches the first class, and none exceeds the last.
    reached = jnp.pad(log_reached, ((0, 0), (1, 0)))
    stopped = jnp.pad(log_stopped, ((0, 0), (0, 1)))
    return jnp.exp(reached + stopped)
