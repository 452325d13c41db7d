"""Tasks that learn from labels: a loss compares the logits of a network with targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp

from jaxmed import fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.judge import Judge
from jaxmed.tasks.network import (
    Inputs,
    Network,
    first_values,
    fitted_part,
    in_training,
    intermediates_of,
    variables,
)
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Key, Loss, ModelState, Outputs, Params


def supervised(
    network: Network,
    *,
    width: int | None,
    inputs: Inputs,
    decode: Callable[[Array], Outputs] | fitted.Fitted,
    loss: Loss | fitted.Fitted,
    targets: Callable[[Batch], Any] = lambda batch: batch["label"],
    metrics: Mapping[str, Metric],
    judge: Judge,
) -> Task:
    """A Task whose network gives logits.

    Args:
        network: gives [batch, ..., width].
        width: how many numbers the question needs of the network; `None` where any number will do.
        inputs: what the network reads of a batch.
        decode: what the network gives -> outputs, of which `logits` is what the loss reads.
        loss: `(logits, targets) -> losses [batch]`.
        targets: what the loss compares with, of a batch.
        metrics: streaming metrics by name.
        judge: of this kind of question.

    Raises:
        ValueError: when it is first traced, for a network of another width.
    """
    arguments.parts(network, metrics, inputs=inputs, loss=loss)
    parts: dict[str, Any] = {"inputs": inputs, "loss": loss, "decode": decode}

    def decoded(outputs: Any, state: ModelState) -> Outputs:
        if width is not None and (outputs.ndim < 2 or outputs.shape[-1] != width):
            raise ValueError(
                f"network gives outputs of shape {outputs.shape}, but this task needs {width} per "
                f"example, (batch, {width}): change the width of its last layer."
            )
        return fitted_part(decode, state, "decode")(outputs.astype(jnp.float32))

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        x = fitted_part(inputs, state, "inputs")(batch)
        return decoded(network.apply(variables(params, state), x, train=False), state)

    def task_loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        run = in_training(network, params, batch["mask"], key)
        found, after = run(fitted_part(inputs, state, "inputs")(batch), state)
        outputs = decoded(found, state)
        losses = fitted_part(loss, state, "loss")(outputs["logits"], targets(batch))
        return losses, (after, outputs)

    return Task(
        first_values(network, **parts),
        task_loss,
        predict,
        metrics,
        judge,
        fitted.joined(parts),
        fitted.missing(inputs),
        intermediates_of(network, inputs, decoded),
    )
