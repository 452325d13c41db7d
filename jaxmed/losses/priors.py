"""Losses that know how frequent each class is in the training split, which `fit` counts.

Use one of them in place of a plain loss, as in
`classification(network, loss=losses.class_balanced(classes=3))`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.fitted import Counts, Fitted
from jaxmed.losses.classification import cross_entropy
from jaxmed.typing import Array, Columns, Loss, Tree


def class_balanced(loss: Callable[..., Array] = cross_entropy, *, classes: int) -> Fitted:
    """A loss under which every class counts as much as any other: weights 1 / (K pi_k).

    pi_k is the fraction of class k among the training rows; the mean weight of a row is 1.

    Args:
        loss: of (logits [batch, classes], labels [batch], class_weights=[classes]).
        classes: K, at least 2.
    """
    checks.function("loss", loss, "of (logits, labels, class_weights=...)")

    def apply(constants: Tree, logits: Array, labels: Array) -> Array:
        return loss(logits, labels, class_weights=jnp.asarray(1 / (classes * constants["prior"])))

    return Fitted(apply, class_counts(classes))


def prior_adjusted(loss: Loss = cross_entropy, *, classes: int, tau: float = 1.0) -> Fitted:
    """A loss of logits to which the frequency of each class was added: f_k + tau log pi_k.

    As `logit_adjusted`, with pi counted by `fit`.

    Args:
        loss: of (logits [batch, classes], labels [batch]).
        classes: at least 2.
        tau: at least 0; 0 is `loss` itself.

    References:
        Menon et al., Long-Tail Learning via Logit Adjustment, 2021, section 4.3, equation 10.
    """
    checks.function("loss", loss, "of (logits, labels)")
    checks.at_least("tau", tau, 0)

    def apply(constants: Tree, logits: Array, labels: Array) -> Array:
        return loss(logits + tau * jnp.log(constants["prior"])[None], labels)

    return Fitted(apply, class_counts(classes))


def class_counts(classes: int, label: str = "label") -> Counts:
    """Counts of each class; the constant `prior` [classes] is their fraction, float32.

    Args:
        classes: at least 2.
        label: the column of labels, 0 to classes - 1; negative ones are left out.
    """
    classes = checks.whole("classes", classes, least=2)
    checks.text("label", label)

    def sums(columns: Columns) -> Tree:
        labels = columns[label].ravel()
        return np.bincount(labels[labels >= 0].astype(int), minlength=classes).astype(np.float64)

    def constants(counts: Tree) -> Tree:
        if len(counts) != classes or not counts.all():
            raise ValueError(
                f"train has {counts.astype(int).tolist()} examples of the classes 0, 1, ..., but "
                f"a prior of {classes} classes needs examples of each: leave empty classes out."
            )
        return {"prior": (counts / counts.sum()).astype(np.float32)}

    return Counts(sums, constants)
