"""Many configurations trained as one task against each trained alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from search.recipes import KEY, SETTINGS, TRAIN, VALIDATION, recipe, train

from jaxmed.evaluation import predict
from jaxmed.search import vmap_sweep
from jaxmed.training.step import TrainState

BATCH = {name: jnp.asarray(column[:8]) for name, column in TRAIN.items()} | {"mask": jnp.ones(8)}


def one_of(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


@pytest.mark.parametrize("number", range(3))
def test_each_configuration_ends_where_it_would_alone(number):
    task, optimizer = vmap_sweep(recipe, SETTINGS)
    begun = train(task, optimizer, steps=1).state
    together = train(task, optimizer, start=begun)

    alone_task, alone_optimizer = recipe(
        {name: jnp.asarray(values[number]) for name, values in SETTINGS.items()}
    )
    alone_start = TrainState(
        begun.step,
        one_of(begun.params, number),
        one_of(begun.model_state["network"], number),
        one_of(begun.opt_state["inner"], number),
        begun.key,
    )
    alone = train(alone_task, alone_optimizer, start=alone_start)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        one_of(together.model.params, number),
        alone.model.params,
    )
    expected = predict(alone.model, VALIDATION)["probabilities"]
    outputs = predict(together.model, VALIDATION)["probabilities"]
    assert outputs.shape == (15, 3, 2)
    np.testing.assert_allclose(outputs[:, number], expected, rtol=1e-4, atol=1e-5)


def test_dropout_may_be_searched_and_none_of_it_is_none():
    settings = {**SETTINGS, "dropout": np.array([0.0, 0.0, 0.9], np.float32)}
    with_dropout, _ = vmap_sweep(recipe, settings)
    without, optimizer = vmap_sweep(recipe, SETTINGS)
    state = train(without, optimizer, steps=1).state
    own = {**state.model_state, "settings": {k: jnp.asarray(v) for k, v in settings.items()}}

    def each(task, model_state):
        """The gradient of each configuration's first layer."""
        wanted = jax.grad(lambda p: task.loss(p, model_state, BATCH, KEY)[0].sum())
        return wanted(state.params)["Dense_1"]["kernel"]

    dropped, kept = each(with_dropout, own), each(without, state.model_state)
    np.testing.assert_allclose(dropped[:2], kept[:2], rtol=1e-5)
    assert not np.allclose(dropped[2], kept[2])


def test_values_of_the_settings_are_not_compiled_in():
    programs = set()
    for factor in (1, 2):
        settings = {name: values * factor for name, values in SETTINGS.items()}
        task, _ = vmap_sweep(recipe, settings)
        params, model_state = task.init(KEY, BATCH, task.constants(TRAIN))
        programs.add(jax.jit(task.loss).lower(params, model_state, BATCH, KEY).as_text())
    assert len(programs) == 1


def test_every_configuration_has_the_constants_of_the_training_split():
    features = TRAIN["features"]
    moved = {**TRAIN, "features": features * 7 + 3}
    task, _ = vmap_sweep(recipe, SETTINGS)
    for split in (TRAIN, moved):
        state = task.init(KEY, BATCH, task.constants(split))
        outputs = task.predict(*state, {"features": jnp.asarray(split["features"])})
        if split is TRAIN:
            expected = outputs["probabilities"]
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"a": np.zeros(2), "b": np.zeros(3)}, {"a": np.zeros(())}]
)
def test_settings_of_unequal_number_are_refused(settings):
    with pytest.raises(ValueError, match="each name needs one number per configuration"):
        vmap_sweep(recipe, settings)
