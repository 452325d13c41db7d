"""A model from a model: the same predictions, changed by a function of the outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxmed.tasks.judge import Judge
from jaxmed.tasks.network import FITTED
from jaxmed.tasks.task import Intermediates, Model, Task
from jaxmed.typing import Array, Batch, Key, ModelState, Outputs, Params, Tree


def predicting(task: Task, change: Callable[[Outputs, Batch], Outputs]) -> Task:
    """The task that predicts `change(outputs, batch)` and is trained as before.

    Args:
        task: to change.
        change: pure, `(outputs, batch) -> outputs`, each [batch, ...].
    """

    def predict(params: Params, state: ModelState, batch: Batch) -> Outputs:
        return change(task.predict(params, state, batch), batch)

    intermediates = _changed(task.intermediates, lambda _, outputs, batch: change(outputs, batch))
    return dataclasses.replace(task, predict=predict, intermediates=intermediates)


def with_outputs(
    model: Model,
    values: Mapping[str, Tree],
    change: Callable[[Mapping[str, Tree], Outputs], Outputs],
    judge: Judge,
) -> Model:
    """The model that predicts `change(values, outputs)`, with values that were fitted afterwards.

    Thresholds, calibration and conformal sets are such changes. The values become part of the
    model's state, so that they are saved, exported and mapped with it. It trains as before.

    Args:
        model: to change.
        values: trees of arrays by name; none is called `model`.
        change: pure, `(values, outputs) -> outputs`, each [batch, ...].
        judge: of the changed predictions.
    """
    task = model.task

    def predict(values: Mapping[str, Tree], own: Model, batch: Batch) -> Outputs:
        return change(values, own.predict(batch))

    changed = predicting_with(model, values, predict, judge)
    intermediates = _changed(
        task.intermediates, lambda state, outputs, _: change(state, outputs), inner="model"
    )
    return dataclasses.replace(
        changed, task=dataclasses.replace(changed.task, intermediates=intermediates)
    )


def predicting_with(
    model: Model,
    values: Mapping[str, Tree],
    predict: Callable[[Mapping[str, Tree], Model, Batch], Outputs],
    judge: Judge,
) -> Model:
    """The model that predicts `predict(values, model, batch)`, otherwise as `with_outputs`.

    For what needs more than the outputs of one prediction: several draws, or a value on the way. It
    names no intermediate values.

    Args:
        model: to change.
        values: as in `with_outputs`.
        predict: pure, `(values, the model as it was, batch) -> outputs`, each [batch, ...].
        judge: of the new predictions.
    """
    task = model.task
    values = {name: jax.tree.map(jnp.asarray, value) for name, value in values.items()}

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        params, state = task.init(key, batch, constants)
        return params, {**values, "model": state}

    def loss(
        params: Params, state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        losses, (after, outputs) = task.loss(params, state["model"], batch, key)
        return losses, ({**state, "model": after}, outputs)

    def changed(params: Params, state: ModelState, batch: Batch) -> Outputs:
        return predict(state, Model(task, params, state["model"]), batch)

    new = dataclasses.replace(
        task, init=init, loss=loss, predict=changed, judge=judge, intermediates=None
    )
    return Model(new, model.params, {**values, "model": model.state})


def counted_constants(state: ModelState) -> Tree:
    """The constants that `init` took, from a model's state, also where outputs were changed."""
    while FITTED not in state and "model" in state:
        state = state["model"]
    return state.get(FITTED, {})


def _changed(
    intermediates: Intermediates | None,
    change: Callable[[ModelState, Outputs, Batch], Outputs],
    inner: str | None = None,
) -> Intermediates | None:
    """The function with changed outputs; `inner` is where its own state stands in the new one."""
    if intermediates is None:
        return None

    def run(
        params: Params, state: ModelState, batch: Batch, added: Mapping[str, Any], key: Key | None
    ) -> tuple[Outputs, dict[str, Array]]:
        own = state if inner is None else state[inner]
        outputs, values = intermediates(params, own, batch, added, key)
        return change(state, outputs, batch), values

    return run
