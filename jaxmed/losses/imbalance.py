"""Rare classes: class weights for the losses, and logits adjusted by class frequencies.

`jaxmed.losses` take the weights; `jaxmed.data.batches.balanced` draws rare classes more often. Use
only one of weights, balanced batches and adjusted logits: each of them alone makes a model behave
as if classes were equally frequent.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.typing import Array, Float, Int, Loss, Num


def class_frequencies(
    labels: Int[np.ndarray, " rows"], *, classes: int
) -> Float[np.ndarray, " classes"]:
    """The fraction of examples in each class.

    Args:
        labels: of the training split [rows], 0 to classes - 1.
        classes: number of classes, at least 2.

    Returns:
        float32 [classes], which sum to 1.

    Raises:
        ValueError: if a label is out of range, or a class has no example and therefore no weight.

    Example:
        >>> class_frequencies(np.array([0, 0, 0, 1]), classes=2)
        array([0.75, 0.25], dtype=float32)
    """
    classes = checks.whole("classes", classes, least=2)
    labels = checks.real_array("labels", labels, "rows")
    outside = labels[~((labels >= 0) & (labels < classes) & (labels == np.floor(labels)))]
    if outside.size:
        raise ValueError(f"labels holds {outside[0]}, but must be 0 to {classes - 1}.")
    present, counts = np.unique(labels.astype(np.int64), return_counts=True)
    if len(present) < classes:
        missing = next(k for k in range(classes) if k >= len(present) or present[k] != k)
        raise ValueError(
            f"labels holds no example of class {missing}: leave the class out, or pass the labels "
            "of the whole training split."
        )
    return (counts / counts.sum()).astype(np.float32)


def balanced_weights(labels: Int[np.ndarray, " rows"], *, classes: int) -> Float[Array, " classes"]:
    """Class weights under which all classes have the same total weight: n / (K n_k).

    Their mean over the rows is 1. Pass them as `class_weights` of a loss.

    Args:
        labels: of the training split [rows], 0 to classes - 1.
        classes: number of classes K, at least 2.

    Returns:
        float32 [classes].

    Raises:
        ValueError: as `class_frequencies`.
    """
    return jnp.asarray(1 / (classes * class_frequencies(labels, classes=classes)))


def positive_weights(
    labels: Num[np.ndarray, "rows labels"],
) -> Float[Array, " labels"]:
    """Weights under which the positives and negatives of a label have the same total weight.

    Per label, negatives / positives. Pass them as `positive_weights` of
    `multilabel_cross_entropy`.

    Args:
        labels: 0 and 1, of the training split [rows, labels].

    Returns:
        float32 [labels].

    Raises:
        ValueError: if a label has no positive.
    """
    labels = checks.real_array("labels", labels, "rows labels")
    wrong = labels[(labels != 0) & (labels != 1)]
    if wrong.size:
        raise ValueError(f"labels holds {wrong[0]}, but must hold 0 and 1: correct it.")
    if not labels.size:
        raise ValueError(f"labels has shape {labels.shape}, but must have examples and labels.")
    positives = (labels > 0).sum(0)
    if not positives.all():
        missing = int(np.flatnonzero(positives == 0)[0])
        raise ValueError(f"labels holds no positive in column {missing}: leave the column out.")
    return jnp.asarray((len(labels) - positives) / positives, jnp.float32)


def logit_adjusted(loss: Loss, shares: Float[np.ndarray, " classes"], *, tau: float = 1.0) -> Loss:
    """A loss of logits shifted by the log frequency of each class: f_k + tau log pi_k.

    A rare class then needs a larger logit for the same loss. The task predicts with the unshifted
    logits; with tau = 1 the minimum of the loss has the best balanced accuracy, as if classes were
    equally frequent. Its probabilities are not those of the training population.

    Args:
        loss: of logits [batch, classes], such as `cross_entropy`, or of logits [batch] of class 1
            of two classes, such as `binary_cross_entropy`.
        shares: frequencies pi of the classes [classes], from `class_frequencies`.
        tau: strength of the adjustment, at least 0; 0 gives `loss` itself.

    Returns:
        A loss with the signature of `loss`.

    Raises:
        ValueError: if `tau` is negative or a frequency is 0; by the returned loss, if the number of
            logits differs from the number of frequencies.

    References:
        Menon et al., Long-Tail Learning via Logit Adjustment, 2021, section 4.3, equation 10.
    """
    checks.function("loss", loss, "of (logits, labels)")
    checks.at_least("tau", tau, 0)
    shares = positive_shares(shares)
    offsets = tau * np.log(shares)

    def adjusted(logits: Array, labels: Array) -> Array:
        if logits.ndim == 1:
            check_classes(shares, 2)
            return loss(logits + (offsets[1] - offsets[0]), labels)
        check_classes(shares, logits.shape[-1])
        return loss(logits + offsets[None], labels)

    return adjusted


def positive_shares(shares: np.ndarray) -> np.ndarray:
    """`shares` as an array, or ValueError if one of them is not positive and finite."""
    shares = checks.real_array("shares", shares, "classes")
    if len(shares) < 2:
        raise ValueError(f"shares has {len(shares)} classes, but must have at least 2.")
    wrong = shares[~((shares > 0) & np.isfinite(shares))]
    if wrong.size:
        raise ValueError(
            f"shares holds {wrong[0]}, but every share must be greater than 0: leave out "
            "classes without examples."
        )
    return shares


def check_classes(shares: np.ndarray, classes: int) -> None:
    """Refuse shares of another number of classes than the task has."""
    if len(shares) != classes:
        raise ValueError(
            f"shares has {len(shares)} classes, but the task has {classes}: give one per class."
        )
