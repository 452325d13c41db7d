"""The waist: a Task is a record of pure functions, and all that training and evaluation see.

Below it are networks, losses and data; above it training, evaluation, explanation, privacy. Any
four functions of these signatures make a Task; the constructors here make them from a network
with `init` and `apply`, as Flax Linen modules have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp

from jaxmed.models import crf
from jaxmed import losses
from jaxmed.metrics import streaming
from jaxmed.metrics.streaming import Metric
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Transform, Tree

Loss: TypeAlias = Callable[[Array, Array], Array]
"""(logits or values, labels) -> losses [batch]."""
Inputs: TypeAlias = Callable[[Batch], Any]
"""What the network reads of a batch: an array of floating numbers or of tokens, or several."""


@runtime_checkable
class Network(Protocol):
    """Variables in, variables out: a Flax Linen module is one."""

    def init(self, rngs: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the variables."""

    def apply(self, variables: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute [batch, outputs] from the variables and the inputs."""


@dataclasses.dataclass(frozen=True, eq=False)  # a task equals itself alone
class Task:
    """What is learned, as pure functions.

    Attributes:
        init: `(key, batch) -> (params, model_state)`.
        loss: `(params, model_state, batch, key) -> (losses [batch], (model_state, outputs))`, one
            loss an example and unreduced, so that the same code serves padding, weights,
            privacy and federation.
        predict: `(params, model_state, batch) -> outputs`.
        metrics: streaming metrics by name, cheap enough to keep during training.
    """

    init: Callable[[Key, Batch], tuple[Params, ModelState]]
    loss: Callable[[Params, ModelState, Batch, Key], tuple[Array, tuple[ModelState, Outputs]]]
    predict: Callable[[Params, ModelState, Batch], Outputs]
    metrics: Mapping[str, Metric]


def classification(
    network: Network,
    *,
    classes: int,
    inputs: Inputs,
    loss: Loss = losses.cross_entropy,
    augment: Transform | None = None,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """One of several classes: the network gives one logit a class, softmax the probabilities.

    Args:
        network: gives [batch, classes].
        classes: at least 2; labels are 0 to classes - 1.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, classes], labels [batch]); set its options with
            `functools.partial`.
        augment: `(key, batch) -> batch`, in training only.
        dtype: of the computation; parameters, statistics and losses stay float32.
    """
    _at_least_two(classes)
    return _supervised(
        network, inputs, _softmax, loss, {"accuracy": streaming.accuracy()}, augment, dtype
    )


def binary_classification(
    network: Network,
    *,
    inputs: Inputs,
    loss: Loss = losses.binary_cross_entropy,
    augment: Transform | None = None,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """Absent (0) or present (1), from one logit: p = sigmoid(logit).

    The outputs have two columns of probabilities, (1 - p, p), so that everything above the
    waist reads them as it reads those of `classification`.

    Args:
        network: gives [batch, 1].
        inputs: what the network reads of a batch.
        loss: of (logits [batch], labels [batch]).
        augment: `(key, batch) -> batch`, in training only.
        dtype: of the computation; parameters, statistics and losses stay float32.
    """

    def decode(logits: Array) -> Outputs:
        logit = logits[:, 0]
        both = jnp.stack([jax.nn.sigmoid(-logit), jax.nn.sigmoid(logit)], axis=-1)
        return {"logits": logit, "probabilities": both}

    return _supervised(
        network, inputs, decode, loss, {"accuracy": streaming.accuracy()}, augment, dtype
    )


def multilabel_classification(
    network: Network,
    *,
    inputs: Inputs,
    loss: Loss = losses.multilabel_cross_entropy,
    augment: Transform | None = None,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """Several findings, each absent or present: labels [batch, labels] of 0 and 1.

    Args:
        network: gives [batch, labels].
        inputs: what the network reads of a batch.
        loss: of (logits [batch, labels], labels [batch, labels]).
        augment: `(key, batch) -> batch`, in training only.
        dtype: of the computation; parameters, statistics and losses stay float32.
    """

    def decode(logits: Array) -> Outputs:
        return {"logits": logits, "probabilities": jax.nn.sigmoid(logits)}

    return _supervised(
        network, inputs, decode, loss, {"accuracy": streaming.multilabel_accuracy()}, augment, dtype
    )


def ordinal_classification(
    network: Network,
    *,
    classes: int,
    inputs: Inputs,
    loss: Loss = losses.ordinal,
    augment: Transform | None = None,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """Ordered grades: logit k decides whether a case that reached grade k goes beyond it.

    Args:
        network: gives [batch, classes - 1].
        classes: grades, at least 2; labels are 0 to classes - 1.
        inputs: what the network reads of a batch.
        loss: of (logits [batch, classes - 1], labels [batch]).
        augment: `(key, batch) -> batch`, in training only.
        dtype: of the computation; parameters, statistics and losses stay float32.
    """
    _at_least_two(classes)

    def decode(logits: Array) -> Outputs:
        return {"logits": logits, "probabilities": losses.ordinal_probabilities(logits)}

    return _supervised(
        network, inputs, decode, loss, {"accuracy": streaming.accuracy()}, augment, dtype
    )


def regression(
    network: Network,
    *,
    inputs: Inputs,
    loss: Loss = losses.squared_error,
    augment: Transform | None = None,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """A number: the network gives [batch, 1], the outputs `value` [batch].

    Args:
        network: gives [batch, 1].
        inputs: what the network reads of a batch.
        loss: of (values [batch], labels [batch]).
        augment: `(key, batch) -> batch`, in training only.
        dtype: of the computation; parameters, statistics and losses stay float32.
    """

    def decode(logits: Array) -> Outputs:
        return {"logits": logits[:, 0], "value": logits[:, 0]}

    return _supervised(network, inputs, decode, loss, {"mae": streaming.mae()}, augment, dtype)


def sequence_labelling(
    network: Network,
    *,
    classes: int,
    inputs: Inputs,
    dtype: jnp.dtype | type = jnp.float32,
) -> Task:
    """One of several classes for every position, such as the role of each sentence.

    A chain of scores joins neighbouring positions; where it is zero they are independent, and
    the loss is the cross entropy. The loss of an example is that of its whole sequence. The
    probabilities are those of each position over all paths, the path is the best of all
    (Viterbi). Labels are [batch, positions], -1 where there is no position.

    Args:
        network: gives emissions [batch, positions, classes], the scores (start, step, end) of a
            `crf.Chain`, and which positions are real [batch, positions].
        classes: at least 2; labels are 0 to classes - 1.
        inputs: what the network reads of a batch.
        dtype: of the computation; parameters and losses stay float32.
    """
    _at_least_two(classes)

    def scores(params: Params, batch: Batch, **options: Any) -> tuple[Array, crf.Chain, Array]:
        variables = {"params": _cast(params, dtype)}
        emissions, chain, real = network.apply(variables, _cast(inputs(batch), dtype), **options)
        return emissions.astype(jnp.float32), crf.Chain(*_cast(chain, jnp.float32)), real

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        del model_state
        emissions, chain, real = scores(params, batch, train=False)
        return {
            "probabilities": crf.marginals(emissions, chain, real),
            "path": crf.viterbi(emissions, chain, real),
        }

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        emissions, chain, _ = scores(params, batch, train=True, rngs={"dropout": key})
        label = batch["label"]
        found = crf.negative_log_likelihood(emissions, chain, label, label >= 0)
        return found, (model_state, {})

    return Task(first_values(network, inputs), loss, predict, {})


# What a Task is made of, for those that are made elsewhere


def first_values(
    network: Network, inputs: Inputs
) -> Callable[[Key, Batch], tuple[Params, ModelState]]:
    """The `init` of a Task: the network's variables, made from the shape of one row.

    Args:
        network: its variables are `params` and whatever else it changes itself.
        inputs: what the network reads of a batch.
    """

    def init(key: Key, batch: Batch) -> tuple[Params, ModelState]:
        variables = dict(network.init({"params": key}, _one_row(inputs(batch)), train=False))
        params = variables.pop("params")
        return params, variables

    return init


def mean_outputs(outputs: Outputs) -> Outputs:
    """The mean over a leading axis of several predictions, of what can be averaged.

    Logits of a mean are not the mean of logits, and are left out, as whole numbers are.
    """
    return {
        name: value.mean(0)
        for name, value in outputs.items()
        if name != "logits" and jnp.issubdtype(value.dtype, jnp.floating)
    }


def in_training(
    network: Network, params: Params, mask: Array, key: Key
) -> Callable[..., tuple[Any, ModelState]]:
    """The network as training sees it: with dropout, with statistics of the batch that are kept.

    Args:
        network: what to apply.
        params: its parameters.
        mask: [batch], 1 real, 0 padding.
        key: of the dropout.

    Returns:
        `(x, model_state, method=None) -> (outputs, model_state)`, as often as the loss needs it.
    """

    def run(x: Any, model_state: ModelState, method: str | None = None) -> tuple[Any, ModelState]:
        outputs, after = network.apply(
            {"params": params, **model_state},
            x,
            train=True,
            mask=mask,
            rngs={"dropout": key},
            mutable=list(model_state),
            **({} if method is None else {"method": method}),
        )
        return outputs, {**model_state, **after}

    return run


def _softmax(logits: Array) -> Outputs:
    return {"logits": logits, "probabilities": jax.nn.softmax(logits)}


def _at_least_two(classes: int) -> None:
    if classes < 2:
        raise ValueError(f"classes is {classes}, but a choice needs at least 2.")


def _supervised(
    network: Network,
    inputs: Inputs,
    decode: Callable[[Array], Outputs],
    loss: Loss,
    streaming: Mapping[str, Metric],
    augment: Transform | None,
    dtype: jnp.dtype | type,
) -> Task:
    """A Task whose outputs are a function of logits, and whose loss of those and `label`."""

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        variables = {"params": _cast(params, dtype), **model_state}
        logits = network.apply(variables, _cast(inputs(batch), dtype), train=False)
        return decode(logits.astype(jnp.float32))

    def task_loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        augment_key, network_key = jax.random.split(key)
        if augment is not None:
            batch = augment(augment_key, batch)
        run = in_training(network, _cast(params, dtype), batch["mask"], network_key)
        logits, model_state = run(_cast(inputs(batch), dtype), model_state)
        outputs = decode(logits.astype(jnp.float32))
        return loss(outputs["logits"], batch["label"]), (model_state, outputs)

    return Task(first_values(network, inputs), task_loss, predict, streaming)


def _one_row(read: Tree) -> Tree:
    return jax.tree.map(lambda x: x[:1], read)


def _cast(tree: Tree, dtype: jnp.dtype | type) -> Tree:
    """Floating numbers as the computation wants them; gradients come back in float32."""

    def cast(x: Array) -> Array:
        return x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

    return jax.tree.map(cast, tree)
