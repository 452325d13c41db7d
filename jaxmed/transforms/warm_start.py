"""Warm start: parameters that begin with values learned before, such as by pretraining."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxmed import checks
from jaxmed.tasks.task import A_TASK, Task
from jaxmed.typing import Batch, Key, ModelState, Params, Tree


def initialized_from(task: Task, params: Mapping[str, Params]) -> Task:
    """The same task, whose named parameters begin with the values given.

    Args:
        task: whose parameters are a dict.
        params: values by name, such as `{"encoder": pretrained.params["encoder"]}`.

    Raises:
        ValueError: (when the task is initialized) for a name that the task does not have or values
            of other shapes.
    """
    checks.made_by("task", task, Task, A_TASK)
    if not isinstance(params, Mapping) or not all(isinstance(k, str) for k in params):
        raise ValueError(
            f"params is {checks.shown(params)}, but must map names to values, such as "
            '{"encoder": pretrained.params["encoder"]}.'
        )

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        first, state = task.init(key, batch, constants)
        for name, values in params.items():
            checks.known("params", name, first)
            ours, theirs = (jax.tree.map(jnp.shape, tree) for tree in (first[name], values))
            if ours != theirs:
                raise ValueError(
                    f"params of {name} have the shapes {theirs}, but the task needs {ours}: "
                    "build both networks with the same settings."
                )
        return {**first, **jax.tree.map(jnp.array, dict(params))}, state

    return dataclasses.replace(task, init=init)
