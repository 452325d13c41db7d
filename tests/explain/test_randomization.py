"""Maps of randomized models: what depends on parameters changes, what does not stays."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explain import linear_models
from scipy import stats

from jaxmed import explain
from jaxmed.tasks import Model
from jaxmed.tasks.with_outputs import counted_constants
from jaxmed.transforms import with_threshold


def edges(model, data, **_):
    """A map that shows the image and not the model."""
    return np.abs(np.diff(data["image"].astype(float), axis=1))


def weight(model, data, *, target, **_):
    """The weights of a linear model, the gradient of its score, for the target of each row."""
    kernel = np.asarray(model.params["Dense_0"]["kernel"]).T
    return kernel[target].reshape(-1, linear_models.SIDE, linear_models.SIDE)


def test_a_map_of_the_input_stays_and_a_map_of_the_parameters_changes():
    model, data, key = linear_models.of_images(), linear_models.images(), jax.random.key(0)
    stays = explain.parameter_randomization(edges, model, data, key=key)
    np.testing.assert_allclose(stays.correlations, np.ones((1, 5)))
    assert (stays.layers, stays.mean.tolist()) == (("all",), [1.0])
    changes = explain.parameter_randomization(weight, model, data, key=key, target=1)
    random = np.asarray(model.task.init(key, data, {})[0]["Dense_0"]["kernel"])[:, 1]
    expected, _ = stats.spearmanr(np.abs(random), np.abs(linear_models.weights()).ravel())
    np.testing.assert_allclose(changes.correlations, np.full((1, 5), expected), atol=1e-6)


def test_the_target_stays_that_of_the_trained_model():
    model, data = linear_models.of_images(), linear_models.images()
    seen = []

    def method(model, data, *, target, **_):
        seen.append(np.asarray(target))
        return edges(model, data)

    explain.parameter_randomization(method, model, data, key=jax.random.key(1), batch_size=2)
    expected = np.asarray(model.predict(data)["logits"]).argmax(1)
    np.testing.assert_array_equal(seen, [expected, expected])


def test_a_cascade_randomizes_from_the_last_layer_on():
    plain, key = linear_models.convolutional(), jax.random.key(2)
    data = linear_models.images()
    state = {
        **plain.state,
        "batch_stats": jax.tree.map(lambda x: x + 7, plain.state["batch_stats"]),
    }
    model = Model(plain.task, jax.tree.map(lambda x: x + 1, plain.params), state)
    model = with_threshold(model, 0.3)  # whose state holds that of the model within
    seen: list[Model] = []

    def method(model, data, **_):
        seen.append(model)
        return edges(model, data)

    found = explain.parameter_randomization(method, model, data, key=key, cascade=True)
    assert found.layers == ("Dense_0", "BatchNorm_1", "Conv_1", "BatchNorm_0", "Conv_0")
    random, _ = model.task.init(key, data, counted_constants(model.state))
    for number, each in enumerate(seen):  # the first is the trained one
        for name in found.layers:
            expected = random if name in found.layers[:number] else model.params
            jax.tree.map(np.testing.assert_array_equal, each.params[name], expected[name])
        inner = each.state["model"]
        shifted = [
            bool((inner["batch_stats"][f"BatchNorm_{i}"]["mean"] == 7).all()) for i in (0, 1)
        ]
        assert shifted == [number < 4, number < 2]
        np.testing.assert_array_equal(inner["fitted"]["inputs"]["mean"], data["image"].mean())
    assert float(seen[-1].state["threshold"]) == pytest.approx(0.3)


def test_whole_randomization_is_an_untrained_model_with_the_same_constants():
    model, data, key = linear_models.convolutional(), linear_models.images(), jax.random.key(2)
    seen: list[Model] = []

    def method(model, data, **_):
        seen.append(model)
        return np.zeros((5, 2))

    found = explain.parameter_randomization(method, model, data, key=key)
    assert np.isnan(found.mean).all()
    assert found.undefined.tolist() == [5]
    expected = model.task.init(key, data, model.task.constants(data))
    np.testing.assert_array_equal(
        jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves(expected)]),
        jnp.concatenate([jnp.ravel(x) for x in jax.tree.leaves((seen[1].params, seen[1].state))]),
    )
