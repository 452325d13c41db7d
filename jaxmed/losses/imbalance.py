"""What to do where some classes are rare: weights, and logits adjusted by how frequent classes are.

`losses` take the weights, `batches.balanced` draws rare classes more often. Use one of them, not
several at once: each alone makes a model as if classes were equally frequent.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import Array, Float, Int, Loss, Num


def frequencies(labels: Int[np.ndarray, " rows"], *, classes: int) -> Float[np.ndarray, " classes"]:
    """The share of each class among the labels of the training split, float32.

    Args:
        labels: 0 to classes - 1.
        classes: at least 2.

    Raises:
        ValueError: if a class has no example: it can be neither weighed nor adjusted for.
    """
    checks.at_least("classes", classes, 2)
    counts = np.bincount(labels, minlength=classes)
    if len(counts) > classes:
        raise ValueError(f"labels holds {labels.max()}, but must be 0 to {classes - 1}.")
    if not counts.all():
        missing = int(np.flatnonzero(counts == 0)[0])
        raise ValueError(
            f"labels holds no example of class {missing}: leave the class out, or pass the labels "
            "of the whole training split."
        )
    return (counts / counts.sum()).astype(np.float32)


def balanced_weights(labels: Int[np.ndarray, " rows"], *, classes: int) -> Float[Array, " classes"]:
    """Weights under which every class counts as much as any other: n / (K n_k).

    Their mean over the rows is 1. For `class_weights` of `losses`.

    Args:
        labels: of the training split, 0 to classes - 1.
        classes: at least 2, K.
    """
    return jnp.asarray(1 / (classes * frequencies(labels, classes=classes)))


def positive_weights(
    labels: Num[np.ndarray, "rows labels"],
) -> Float[Array, " labels"]:
    """By finding, negatives a positive: under these weights both count the same in the sum.

    For `positive_weights` of `losses.multilabel_cross_entropy`.

    Args:
        labels: 0 and 1, of the training split.

    Raises:
        ValueError: if a finding has no positive.
    """
    positives = (labels > 0).sum(0)
    if not positives.all():
        missing = int(np.flatnonzero(positives == 0)[0])
        raise ValueError(f"labels holds no positive in column {missing}: leave the finding out.")
    return jnp.asarray((len(labels) - positives) / positives, jnp.float32)


def logit_adjusted(loss: Loss, shares: Float[np.ndarray, " classes"], *, tau: float = 1.0) -> Loss:
    """A loss of logits to which the frequency of each class was added: f_k + tau log pi_k.

    What is rare must then reach a larger logit of its own for the same loss. The task predicts
    with the logits as they are, and with tau = 1 as if classes were equally frequent, which is what
    balanced accuracy asks for; its probabilities are not those of the training population.

    Args:
        loss: of logits [batch, classes], such as `losses.cross_entropy`, or of logits [batch] of
            the second of two classes.
        shares: pi, of the training split, from `frequencies`.
        tau: at least 0; 0 is `loss` itself.

    References:
        Menon et al., Long-Tail Learning via Logit Adjustment, 2021, section 4.3, equation 10.
    """
    checks.at_least("tau", tau, 0)
    offsets = tau * np.log(positive_shares(shares))

    def adjusted(logits: Array, labels: Array) -> Array:
        if logits.ndim == 1:
            check_classes(shares, 2)
            return loss(logits + (offsets[1] - offsets[0]), labels)
        check_classes(shares, logits.shape[-1])
        return loss(logits + offsets[None], labels)

    return adjusted


def positive_shares(shares: np.ndarray) -> np.ndarray:
    if not (shares > 0).all():
        raise ValueError(
            f"shares has {shares.min()}, but every share must be greater than 0: leave out classes "
            "without examples."
        )
    return shares


def check_classes(shares: np.ndarray, classes: int) -> None:
    if len(shares) != classes:
        raise ValueError(f"shares has {len(shares)} classes, but the task has {classes}.")
