"""A round as a gradient: what lets `fit` carry a federation, with its checkpoints and histories.

The batch of a step is all that the clients of one round read. The gradient is the negative mean of
their changes, and what an algorithm keeps between rounds is part of the model's state.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed.federated.aggregation import Aggregation
from jaxmed.federated.algorithms import Algorithm
from jaxmed.federated.cohort import cohort_of
from jaxmed.federated.constants import merged_counts
from jaxmed.federated.server_optimizers import unless_silent
from jaxmed.tasks import Model, Task
from jaxmed.training.gradients import Gradient
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Scalars, Tree

_MODEL, _MEMORY = "model", "memory"


@dataclasses.dataclass(frozen=True)
class RoundShape:
    """The shape of a round, and how changes are put together.

    Attributes:
        clients: places of a round.
        steps: local steps.
        at_once: clients that are mapped at a time.
        aggregation: of what they send.
    """

    clients: int
    steps: int
    at_once: int
    aggregation: Aggregation


def federated_task(task: Task, algorithm: Algorithm, clients: int) -> Task:
    """The task as a federation learns it: its state holds what the algorithm keeps.

    Constants are counted by each client of its own rows, as sums, which are then added up.

    Args:
        task: what is learned.
        algorithm: whose memory is kept.
        clients: of the federation.
    """

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        params, state = task.init(key, batch, constants)
        return params, {_MODEL: state, _MEMORY: algorithm.init(params, clients)}

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        losses, (state, outputs) = task.loss(params, model_state[_MODEL], batch, key)
        return losses, ({**model_state, _MODEL: state}, outputs)

    def predict(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        return task.predict(params, model_state[_MODEL], batch)

    def intermediates(
        params: Params,
        model_state: ModelState,
        batch: Batch,
        added: Mapping[str, Any],
        key: Key | None,
    ) -> tuple[Outputs, dict[str, Array]]:
        assert task.intermediates is not None
        return task.intermediates(params, model_state[_MODEL], batch, added, key)

    return _kept(
        task,
        ("federated", algorithm, clients),
        lambda: dataclasses.replace(
            task,
            init=init,
            loss=loss,
            predict=predict,
            counts=None if task.counts is None else merged_counts(task.counts),
            intermediates=None if task.intermediates is None else intermediates,
        ),
    )


def central_model(task: Task, model: Model) -> Model:
    """The model of the task itself, without what the algorithm keeps.

    Args:
        task: that was learned.
        model: of its `federated_task`.
    """
    return Model(task, model.params, model.state[_MODEL])


def round_gradient(task: Task, algorithm: Algorithm, shape: RoundShape) -> Any:
    """`federated_task -> Gradient`, the argument of `fit`; one function for equal arguments.

    Args:
        task: what is learned, and what the clients train.
        algorithm: of the rounds.
        shape: of a round.
    """

    # The arguments are also what `config.json` of a run tells of the federation.
    def maker(wrapped: Task, algorithm: Algorithm, shape: RoundShape) -> Gradient:
        del wrapped

        def gradient(
            params: Params, model_state: ModelState, batch: Batch, key: Key
        ) -> tuple[Params, ModelState, Scalars]:
            cohort = cohort_of(
                batch,
                key,
                clients=shape.clients,
                steps=shape.steps,
                at_once=shape.at_once,
                aggregation=shape.aggregation,
            )
            found = algorithm.round(task, params, model_state[_MODEL], model_state[_MEMORY], cohort)
            negative = jax.tree.map(lambda d, w: -d.astype(w.dtype), found.change, params)
            if not shape.aggregation.releases_sums:
                return negative, model_state, jax.tree.map(jnp.zeros_like, found.sums)
            return negative, {_MODEL: found.model_state, _MEMORY: found.memory}, found.sums

        return gradient

    return _kept(
        task,
        ("round", algorithm, shape),
        lambda: functools.partial(maker, algorithm=algorithm, shape=shape),
    )


def server_of(task: Task, algorithm: Algorithm) -> optax.GradientTransformation:
    """The server's optimizer, which rests where nobody reports; the same one at every call."""
    return _kept(task, ("server", algorithm), lambda: unless_silent(algorithm.server))


def keeps_nothing(algorithm: Algorithm) -> bool:
    """Whether an algorithm has no memory beside the parameters."""
    memory = algorithm.init({"w": np.zeros(1, np.float32)}, 1)
    return not jax.tree.leaves(memory)


def _kept(task: Task, name: Any, make: Any) -> Any:
    """What is made once for a task, so that a second training compiles nothing."""
    if name not in task.programs:
        task.programs[name] = make()
    return task.programs[name]
