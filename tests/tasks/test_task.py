"""Task and Model: a record of functions, and a pytree of arrays."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tasks.kinds import FEATURES, KINDS, four_functions, untrained

from jaxmed.tasks import Model


def test_a_model_is_a_pytree_of_its_arrays():
    model = untrained("multiclass")
    leaves = jax.tree.leaves(model)
    sizes = sorted(leaf.size for leaf in leaves)
    # Two layers of weights and biases, and the mean and deviation of six columns.
    assert sizes == sorted([6 * 8, 8, 8 * 3, 3, 6, 6])
    doubled = jax.tree.map(lambda leaf: 2 * leaf, model)
    assert isinstance(doubled, Model)
    assert doubled.task is model.task


def test_stacked_models_predict_like_each_alone():
    models = [untrained("multiclass", seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    batch = {"features": jnp.asarray(FEATURES[:5])}
    found = jax.jit(jax.vmap(Model.predict, in_axes=(0, None)))(stacked, batch)
    assert found["probabilities"].shape == (3, 5, 3)
    for number, model in enumerate(models):
        alone = model.predict(batch)["probabilities"]
        np.testing.assert_allclose(found["probabilities"][number], alone, rtol=1e-5)
    assert np.ptp(found["probabilities"][:, 0, 0]) > 0.01


def test_a_model_goes_through_jit_and_grad_as_one_argument():
    model = untrained("regression")
    batch = {"features": jnp.asarray(FEATURES[:5])}

    @jax.jit
    def total(model):
        return model.predict(batch)["value"].sum()

    slope = jax.grad(total)(model)
    bias = slope.params["Dense_1"]["bias"]
    np.testing.assert_allclose(bias, [5.0], rtol=1e-6)  # each of five values moves with it


def test_tasks_compare_by_identity_and_keep_their_own_programs():
    task = KINDS["binary"].task
    copy = dataclasses.replace(task)
    assert task != copy
    assert task == task
    copy.programs["mine"] = 1
    assert "mine" not in task.programs


def test_rows_mapped_one_by_one_draw_what_they_draw_in_the_batch():
    """As private gradients need it: each row has its own noise, that of its place."""
    task = four_functions()
    x = jnp.ones(6)
    key = jax.random.key(3)
    whole, _ = task.loss(0.5, 0.0, {"x": x, "place": jnp.arange(6)}, key)

    def alone(x, place):
        return task.loss(0.5, 0.0, {"x": x[None], "place": place[None]}, key)[0][0]

    np.testing.assert_allclose(jax.vmap(alone)(x, jnp.arange(6)), whole, rtol=1e-6)
    assert len(np.unique(np.asarray(whole))) == 6


def test_constants_are_those_of_all_rows():
    task = KINDS["multiclass"].task
    constants = task.constants({"features": FEATURES})["inputs"]
    np.testing.assert_allclose(constants["mean"], FEATURES.mean(0, np.float64), atol=1e-6)
    np.testing.assert_allclose(constants["deviation"], FEATURES.std(0, np.float64), rtol=1e-5)
    assert four_functions().constants({"features": FEATURES}) == {}


def test_init_without_the_constants_says_where_they_come_from():
    with pytest.raises(
        ValueError, match=r"pass task\.constants\(train\), or use init_state or fit"
    ):
        KINDS["multiclass"].task.init(jax.random.key(0), {"features": FEATURES}, None)
