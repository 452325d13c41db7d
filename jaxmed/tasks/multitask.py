"""Several targets at once, of which some are not known: one network for many assays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks, losses
from jaxmed.data.inputs import moments, normalization
from jaxmed.fitted import Counts, Fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import multitask_judges
from jaxmed.tasks.network import Inputs, Network
from jaxmed.tasks.supervised import supervised
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Columns, Loss, Outputs, Tree


def multitask_classification(
    network: Network,
    *,
    targets: Sequence[str],
    inputs: Inputs,
    loss: Loss | Fitted = losses.partial_cross_entropy,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Several binary targets, each negative (0), positive (1) or not known (-1).

    Statistics are means over the targets that have both classes among their known labels, and
    AUROC also stands for each target by itself.

    Args:
        network: gives [batch, targets].
        targets: their names, such as those of assays.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, targets], labels [batch, targets]).
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` and `probabilities`, both [batch, targets].

    Raises:
        ValueError: if `targets` is empty or names one twice.
    """
    names = _names(targets)
    return supervised(
        network,
        width=len(names),
        inputs=inputs,
        decode=lambda logits: {"logits": logits, "probabilities": jax.nn.sigmoid(logits)},
        loss=loss,
        metrics={} if metrics is None else metrics,
        judge=multitask_judges.of_binary_targets(names),
    )


def multitask_regression(
    network: Network,
    *,
    targets: Sequence[str],
    inputs: Inputs,
    loss: Loss = losses.partial_squared_error,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """Several measured targets in units of their own, NaN where one is not known.

    The loss compares in standard deviations of the training split, z = (y - mean) / deviation of
    each target, so that no unit outweighs another; the outputs are in the units of the labels.

    Args:
        network: gives [batch, targets], standardized.
        targets: their names; one is enough.
        inputs: what the network reads of a batch.
        loss: of (standardized values [batch, targets], standardized labels [batch, targets]), in
            which NaN is not known.
        metrics: streaming metrics of training by name; by default none.

    Returns:
        A task with the outputs `logits` (standardized) and `values`, both [batch, targets].

    Raises:
        ValueError: if `targets` is empty or names one twice.
    """
    names = _names(targets)
    checks.function("loss", loss, "of values and labels [batch, targets]")
    counts = Counts(lambda columns: moments(_labels(columns)), normalization)

    def decode(constants: Tree, logits: Array) -> Outputs:
        values = logits * constants["deviation"][None] + constants["mean"][None]
        return {"logits": logits, "values": values}

    def standardized(constants: Tree, logits: Array, labels: Any) -> Array:
        scaled = (jnp.asarray(labels) - constants["mean"][None]) / constants["deviation"][None]
        return loss(logits, scaled)

    task = supervised(
        network,
        width=len(names),
        inputs=inputs,
        decode=Fitted(decode, counts),
        loss=Fitted(standardized, counts),
        metrics={} if metrics is None else metrics,
        judge=multitask_judges.of_measured_targets(names),
    )
    return dataclasses.replace(task, missing=task.missing | {"label"})


def _names(targets: Sequence[str]) -> tuple[str, ...]:
    names = checks.strings("targets", targets)
    if not names:
        raise ValueError("targets is empty, but must name one target or more.")
    return names


def _labels(columns: Columns) -> np.ndarray:
    return np.asarray(columns["label"])
