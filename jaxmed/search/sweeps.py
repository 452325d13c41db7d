"""Sweeps: hundreds of configurations trained by one vmapped program.

A recipe is a pure function of the settings that are searched, `recipe(settings) -> (task,
optimizer)`, whose numbers may be traced: `vmap_sweep` maps it over many at once. What changes the
shape of an array or the control flow of Python, such as a width, cannot be traced: search it with
one `fit` per value, for example with `optuna_search`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmed import checks
from jaxmed.tasks import Task
from jaxmed.transforms.ensemble import mean_with_gradient_of_sum
from jaxmed.typing import AnyArray, Array, Batch, Key, ModelState, Outputs, Params, Tree

Settings: TypeAlias = Mapping[str, AnyArray]
"""Numbers by name: of one configuration scalars, of K configurations arrays [K]."""
Recipe: TypeAlias = Callable[[Settings], tuple[Task, optax.GradientTransformation]]
"""What is trained under one configuration; called under `vmap`, with traced scalars."""


def vmap_sweep(recipe: Recipe, settings: Settings) -> tuple[Task, optax.GradientTransformation]:
    """All configurations as one task and one optimizer: the same `fit` trains them.

    Parameters, model state and optimizer state get a leading axis of configurations. All see the
    same batches; first values, dropout and augmentation have keys of their own. The settings
    travel in the state, as `model_state["settings"]`, so that checkpoints hold them, and no value
    of theirs is compiled into the program. The loss of an example is the mean over the
    configurations, with the gradient of their sum, so that each gets the gradient it would get
    alone. Predictions have the configurations as their second axis, [batch, K, ...]; the task has
    no metrics, as none expects that.

    Args:
        recipe: of one configuration.
        settings: K numbers per name.

    Returns:
        The task and the optimizer of all configurations.

    Raises:
        ValueError: if the names have different numbers of values.
    """
    checks.function("recipe", recipe, "settings -> (task, optimizer)")
    count = count_configurations(settings)
    settings = {name: np.asarray(values) for name, values in settings.items()}

    def init(key: Key, batch: Batch, constants: Tree = None) -> tuple[Params, ModelState]:
        def one(settings: Settings, key: Key) -> tuple[Params, ModelState]:
            return recipe(settings)[0].init(key, batch, constants)

        params, network = jax.vmap(one)(settings, jax.random.split(key, count))
        return params, {"settings": settings, "network": network}

    def loss(
        params: Params, model_state: ModelState, batch: Batch, key: Key
    ) -> tuple[Array, tuple[ModelState, Outputs]]:
        def one(settings: Settings, params: Params, network: ModelState, key: Key) -> Any:
            losses, (network, _) = recipe(settings)[0].loss(params, network, batch, key)
            return losses, network

        keys = jax.random.split(key, count)
        losses, network = jax.vmap(one)(
            model_state["settings"], params, model_state["network"], keys
        )
        return mean_with_gradient_of_sum(losses), ({**model_state, "network": network}, {})

    def predict_all(params: Params, model_state: ModelState, batch: Batch) -> Outputs:
        def one(settings: Settings, params: Params, network: ModelState) -> Outputs:
            return recipe(settings)[0].predict(params, network, batch)

        return jax.vmap(one, out_axes=1)(model_state["settings"], params, model_state["network"])

    def begin(params: Params) -> Tree:
        def one(settings: Settings, params: Params) -> Tree:
            return recipe(settings)[1].init(params)

        own = jax.tree.map(jnp.asarray, settings)
        return {"settings": own, "inner": jax.vmap(one)(own, params)}

    def update(grads: Params, state: Tree, params: Params | None = None) -> tuple[Params, Tree]:
        def one(settings: Settings, grads: Params, inner: Tree, params: Params | None) -> Any:
            return recipe(settings)[1].update(grads, inner, params)

        updates, inner = jax.vmap(one)(state["settings"], grads, state["inner"], params)
        return updates, {**state, "inner": inner}

    first = recipe({name: values[0] for name, values in settings.items()})[0]
    task = Task(init, loss, predict_all, counts=first.counts, missing=first.missing)
    return task, optax.GradientTransformation(begin, update)


def count_configurations(settings: Settings) -> int:
    """How many configurations there are."""
    if not isinstance(settings, Mapping):
        raise ValueError(
            f"settings is {checks.shown(settings)}, but must map names to numbers "
            "[configurations]: pass a dict of arrays."
        )
    settings = {
        name: checks.real_array(f"settings[{name!r}]", each) for name, each in settings.items()
    }
    lengths = {name: np.shape(values) for name, values in settings.items()}
    if not lengths or len(set(lengths.values())) != 1 or any(len(s) != 1 for s in lengths.values()):
        raise ValueError(
            f"settings have the shapes {lengths}, but each name needs one number per "
            "configuration, as many as every other."
        )
    return int(next(iter(lengths.values()))[0])
