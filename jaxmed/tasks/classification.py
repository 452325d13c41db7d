"""Classification: multiclass, binary, multilabel and ordinal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks, losses
from jaxmed.fitted import Fitted
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import class_judges
from jaxmed.tasks.arguments import class_names
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Loss, Outputs


def classification(
    network: Network,
    *,
    classes: int | Sequence[str],
    inputs: Inputs,
    loss: Loss | Fitted = losses.cross_entropy,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """One of several classes: the network gives one logit per class, softmax the probabilities.

    Args:
        network: gives [batch, classes].
        classes: their names in the order of their labels, or how many, at least 2; labels are 0 to
            classes - 1.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, classes], labels [batch]); set its options with
            `functools.partial`.
        metrics: streaming metrics of training by name; by default accuracy.

    Returns:
        A task with the outputs `logits` and `probabilities`, both [batch, classes].

    Raises:
        ValueError: for fewer than 2 classes.
    """
    names = class_names(classes)
    return supervised(
        network,
        width=len(names),
        inputs=inputs,
        decode=lambda logits: {"logits": logits, "probabilities": jax.nn.softmax(logits)},
        loss=loss,
        metrics={"accuracy": streaming.accuracy()} if metrics is None else metrics,
        judge=class_judges.of_classes(names),
    )


def binary_classification(
    network: Network,
    *,
    inputs: Inputs,
    classes: Sequence[str] = (),
    loss: Loss | Fitted = losses.binary_cross_entropy,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Absent (0) or present (1), from one logit: p = sigmoid(logit).

    The outputs have two columns of probabilities, (1 - p, p), like those of `classification`.

    Args:
        network: gives [batch, 1].
        inputs: what the network reads of a batch.
        classes: names of the two, the positive one last.
        loss: of (logits [batch], labels [batch]).
        metrics: streaming metrics of training by name; by default accuracy.

    Returns:
        A task with the outputs `logits` [batch] and `probabilities` [batch, 2].

    Raises:
        ValueError: for other than 2 classes.
    """
    names = class_names(2 if np.shape(classes) == (0,) else classes)
    if len(names) != 2:
        raise ValueError(
            f"classes is {tuple(names)}, but a binary task has two, the positive one last: use "
            "classification for more."
        )

    def decode(logits: Array) -> Outputs:
        logit = logits[:, 0]
        both = jnp.stack([jax.nn.sigmoid(-logit), jax.nn.sigmoid(logit)], axis=-1)
        return {"logits": logit, "probabilities": both}

    return supervised(
        network,
        width=1,
        inputs=inputs,
        decode=decode,
        loss=loss,
        metrics={"accuracy": streaming.accuracy()} if metrics is None else metrics,
        judge=class_judges.of_classes(names),
    )


def multilabel_classification(
    network: Network,
    *,
    inputs: Inputs,
    classes: Sequence[str] = (),
    loss: Loss | Fitted = losses.multilabel_cross_entropy,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Multilabel: several findings, each absent (0) or present (1), in labels [batch, labels].

    Args:
        network: gives [batch, labels].
        inputs: what the network reads of a batch.
        classes: names of the findings.
        loss: of (logits [batch, labels], labels [batch, labels]).
        metrics: streaming metrics of training by name; by default the accuracy over all labels.

    Returns:
        A task with the outputs `logits` and `probabilities`, both [batch, labels].
    """
    classes = checks.strings("classes", classes)
    return supervised(
        network,
        width=len(classes) or None,
        inputs=inputs,
        decode=lambda logits: {"logits": logits, "probabilities": jax.nn.sigmoid(logits)},
        loss=loss,
        metrics={"accuracy": streaming.multilabel_accuracy()} if metrics is None else metrics,
        judge=class_judges.of_findings(classes),
    )


def ordinal_classification(
    network: Network,
    *,
    classes: int | Sequence[str],
    inputs: Inputs,
    loss: Loss | Fitted = losses.ordinal,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Ordered grades: logit k is that of going beyond grade k, given that it was reached.

    Args:
        network: gives [batch, classes - 1].
        classes: names of the grades in their order, or how many, at least 2; labels are 0 to
            classes - 1.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, classes - 1], labels [batch]).
        metrics: streaming metrics of training by name; by default accuracy.

    Returns:
        A task with the outputs `logits` [batch, classes - 1] and `probabilities` [batch, classes].

    Raises:
        ValueError: for fewer than 2 classes.
    """
    names = class_names(classes)

    def decode(logits: Array) -> Outputs:
        return {"logits": logits, "probabilities": losses.ordinal_probabilities(logits)}

    return supervised(
        network,
        width=len(names) - 1,
        inputs=inputs,
        decode=decode,
        loss=loss,
        metrics={"accuracy": streaming.accuracy()} if metrics is None else metrics,
        judge=class_judges.of_grades(names),
    )
