"""The squared hinge loss of support vector machines."""

import jax.numpy as jnp

from jaxmed.losses.arguments import weights_of
from jaxmed.losses.classification import logits_of_classes
from jaxmed.typing import Array, Float, Int


def squared_hinge(
    logits: Float[Array, "batch classes"],
    labels: Int[Array, "batch"],
    *,
    class_weights: Float[Array, "classes"] | None = None,
) -> Float[Array, "batch"]:
    """Squared hinge loss of a linear support vector machine, each class against the rest.

    With t_k = 1 for the true class y and -1 for the others:

        loss = sum_k v_k max(0, 1 - t_k logit_k)^2,  v_y = w_y and 1 elsewhere

    Args:
        logits: signed distances from the decision boundary [batch, classes].
        labels: true classes [batch], in 0 .. classes - 1.
        class_weights: weight w of a class where it is the true one [classes]; 1 without. As in
            scikit-learn's `LinearSVC`.

    Returns:
        One loss per example [batch].

    Raises:
        ValueError: if shapes disagree.

    Example:
        >>> squared_hinge(jnp.array([[0.5, -2.0]]), jnp.array([0]))  # (1 - 0.5)^2
        Array([0.25], dtype=float32)

    References:
        Fan et al., LIBLINEAR, 2008, section 2; Tang, Deep Learning using Linear SVMs, 2013.
    """
    logits, labels = logits_of_classes(logits, labels)
    true = jnp.arange(logits.shape[1])[None, :] == labels[:, None]
    margin_loss = jnp.maximum(0, 1 - jnp.where(true, logits, -logits)) ** 2
    weights = weights_of(labels, class_weights, logits.shape[1])
    return jnp.where(true, weights[:, None] * margin_loss, margin_loss).sum(1)
