"""Learning from texts without labels: predict words from all others."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.batch_axis import row_keys
from jaxmed.metrics.streaming import Metric
from jaxmed.tasks import arguments
from jaxmed.tasks.network import Network
from jaxmed.tasks.task import Task
from jaxmed.typing import Array, Batch, Columns, Key, ModelState, Outputs, Params, Tree


def word_prediction(
    network: Network, *, draws: int = 8, metrics: Mapping[str, Metric] | None = None
) -> Task:
    """Predict words of a text from all the others.

    The loss of a text is the mean cross entropy over `draws` of its words, drawn anew in every
    step: the expectation is that over all words, at a fraction of the cost. Predictions are `word`
    [batch], the most probable word at the first position.

    Args:
        network: `(tokens [batch, time], at [batch, draws]) -> scores [batch, draws, vocabulary]`
            that depend on every word but those at `at`, such as `models.WordPredictor`.
        draws: words predicted in each text and step.
        metrics: streaming metrics of training by name; by default none.

    Raises:
        ValueError: if `draws` is not above 0.
    """
    arguments.parts(network, metrics)
    draws = checks.whole("draws", draws, most=1_000_000)

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        del constants  # nothing is counted
        at = jnp.zeros((1, draws), jnp.int32)
        return network.init({"params": key}, jnp.asarray(batch["tokens"])[:1], at)["params"], {}

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
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
        logs = jax.nn.log_softmax(scores.astype(jnp.float32))
        losses = -jnp.take_along_axis(logs, words[..., None], axis=-1)[..., 0]
        return losses.mean(1), (state, {})

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        """The most probable word at the first place of each text."""
        del state
        tokens = jnp.asarray(batch["tokens"])
        at = jnp.zeros((tokens.shape[0], 1), jnp.int32)
        return {"word": network.apply({"params": params}, tokens, at)[:, 0].argmax(-1)}

    return Task(init, loss, predict, metrics or {})


def texts(tokens: np.ndarray) -> Columns:
    """The columns that `word_prediction` is trained on: texts are their own targets.

    Args:
        tokens: [rows, length] of the training split; rows without a token are left out.

    Returns:
        `tokens` [kept rows, length].
    """
    kept = tokens[(tokens != 0).any(1)]
    return {"tokens": kept}
