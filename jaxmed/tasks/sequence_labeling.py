"""Sequence labeling: one class per position, such as the role of each sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed import fitted
from jaxmed.metrics.streaming import Metric
from jaxmed.models import crf
from jaxmed.tasks import arguments, class_judges
from jaxmed.tasks.arguments import class_names
from jaxmed.tasks.network import Inputs, Network, first_values, fitted_part, variables
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params


def sequence_labeling(
    network: Network,
    *,
    classes: int | Sequence[str],
    inputs: Inputs,
    metrics: Mapping[str, Metric] | None = None,
) -> Task:
    """One of several classes for every position of a sequence, with a linear-chain CRF.

    A chain of scores joins neighboring positions; where it is zero they are independent, and
    the loss is the cross entropy. The loss of an example is that of its whole sequence. Labels are
    [batch, positions], -1 where there is no position.

    Args:
        network: gives emissions [batch, positions, classes], the scores (start, step, end) of a
            `crf.Chain`, and which positions are real [batch, positions].
        classes: their names in the order of their labels, or how many, at least 2.
        inputs: what the network reads of a batch.
        metrics: streaming metrics of training by name; by default none. In training there are no
            outputs, as decoding costs more than the loss.

    Returns:
        A task with the outputs `probabilities` [batch, positions, classes], those of each position
        over all paths, and `path` [batch, positions], the best of all paths (Viterbi), -1 where
        there is no position.

    References:
        Lafferty et al., Conditional Random Fields, 2001.
    """
    arguments.parts(network, metrics, inputs=inputs)
    names = class_names(classes)

    def scores(
        params: Params, state: ModelState, batch: Batch, **options: Any
    ) -> tuple[Array, crf.Chain, Array]:
        x = fitted_part(inputs, state, "inputs")(batch)
        emissions, chain, real = network.apply(variables(params, state), x, **options)
        if emissions.ndim != 3 or emissions.shape[2] != len(names):
            raise ValueError(
                f"network gives emissions of shape {emissions.shape}, but this task needs one per "
                f"class, (batch, positions, {len(names)}): change the classes of the network."
            )
        float32 = jax.tree.map(lambda scores: scores.astype(jnp.float32), tuple(chain))
        return emissions.astype(jnp.float32), crf.Chain(*float32), real

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        emissions, chain, real = scores(params, state, batch, train=False)
        return {
            "probabilities": crf.marginals(emissions, chain, real),
            "path": crf.viterbi(emissions, chain, real),
        }

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        emissions, chain, _ = scores(params, state, batch, train=True, rngs={"dropout": key})
        label = batch["label"]
        found = crf.negative_log_likelihood(emissions, chain, label, label >= 0)
        return found, (state, {})

    return Task(
        first_values(network, inputs=inputs),
        loss,
        predict,
        metrics or {},
        class_judges.of_positions(names),
        fitted.joined({"inputs": inputs}),
        fitted.missing(inputs),
    )
