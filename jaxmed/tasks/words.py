"""Learning from texts without labels: Tasks like any other, whose parameters start another task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.tasks import Network, Task
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Outputs, Params


def word_prediction(network: Network, *, draws: int = 8) -> Task:
    """Predict words of a text from all the others.

    The loss of a text is the mean cross entropy over `draws` of its words, drawn anew in every
    step: a fraction of the cost of predicting all of them, and the same in expectation.

    Args:
        network: `(tokens [batch, time], at [batch, draws]) -> scores [batch, draws, vocabulary]`
            that depend on every word but those at `at`, such as `models.WordPredictor`.
        draws: words predicted in each text and step.
    """
    checks.positive("draws", draws)

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        at = jnp.zeros((1, draws), jnp.int32)
        return network.init({"params": key}, jnp.asarray(batch["tokens"])[:1], at)["params"], {}

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        draw_key, network_key = jax.random.split(key)
        tokens = batch["tokens"]
        lengths = jnp.maximum((tokens != 0).sum(1), 1)
        at = jax.vmap(lambda k, n: jax.random.randint(k, (draws,), 0, n))(
            row_keys(draw_key, tokens.shape[0]), lengths
        )
        scores = network.apply(
            {"params": params}, tokens, at, train=True, rngs={"dropout": network_key}
        )
        words = jnp.take_along_axis(tokens, at, axis=1)
        losses = optax.softmax_cross_entropy_with_integer_labels(scores, words)
        return losses.mean(1), (model_state, {})

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        """The most probable word at the first place of each text."""
        del model_state
        tokens = jnp.asarray(batch["tokens"])
        at = jnp.zeros((tokens.shape[0], 1), jnp.int32)
        return {"word": network.apply({"params": params}, tokens, at)[:, 0].argmax(-1)}

    return Task(init, loss, predict, {})


def texts(tokens: np.ndarray) -> Columns:
    """The columns that `word_prediction` is trained on; what it predicts is in the texts.

    Args:
        tokens: [rows, length] of the training split; rows without a token are left out.
    """
    kept = tokens[(tokens != 0).any(1)]
    return {"tokens": kept, "label": np.zeros(len(kept), np.float32)}


def started(task: Task, params: Mapping[str, Params]) -> Task:
    """The same task, whose named parameters begin with the values given.

    Args:
        task: whose parameters are a dict.
        params: values by name, such as `{"encoder": pretrained.params["encoder"]}`.

    Raises:
        ValueError: (when the task is initialised) for a name that the task does not have or values
            of other shapes.
    """

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        first, model_state = task.init(key, batch)
        for name, values in params.items():
            checks.known("params", name, first)
            ours, theirs = (jax.tree.map(jnp.shape, tree) for tree in (first[name], values))
            if ours != theirs:
                raise ValueError(
                    f"params of {name} have the shapes {theirs}, but the task wants {ours}: "
                    "build both networks with the same settings."
                )
        return {**first, **jax.tree.map(jnp.array, dict(params))}, model_state

    return dataclasses.replace(task, init=init)
