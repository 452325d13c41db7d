"""Nearest training cases against scikit-learn, on values that are computed by hand."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from explain import linear_models
from sklearn.neighbors import NearestNeighbors

from jaxmed import explain
from jaxmed.tasks import Model


def model_of(name):
    state = begun(name)
    return Model(EXAMPLES[name].task, state.params, state.model_state)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearest_cases_are_those_of_scikit_learn(metric):
    model, columns = model_of("multiclass"), EXAMPLES["multiclass"].columns
    cases = {name: column[:7] for name, column in columns.items()}
    train = {name: column[5:] for name, column in columns.items()}
    found = explain.nearest_cases(
        model, cases, train, layer="hidden1", count=4, metric=metric, batch_size=8
    )
    mean, deviation = columns["features"].mean(0), columns["features"].std(0)
    layer = jax.tree.map(np.asarray, model.params["Dense_0"])
    hidden = np.maximum(
        (columns["features"] - mean) / deviation @ layer["kernel"] + layer["bias"], 0
    )
    reference = NearestNeighbors(n_neighbors=4, metric=metric).fit(hidden[5:])
    distances, rows = reference.kneighbors(hidden[:7])
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reading", ["mean", "flat"])
def test_the_value_of_images_is_the_mean_over_space_or_all_of_it(reading):
    model, columns = linear_models.of_images(), linear_models.images(9)
    found = explain.nearest_cases(
        model, columns, columns, layer="inputs", count=9, reading=reading, batch_size=4
    )
    x = columns["image"].astype(np.float64) / 255
    values = x.mean((1, 2)) if reading == "mean" else x.reshape(9, -1)
    every = np.linalg.norm(values[:, None] - values[None], axis=2)
    np.testing.assert_allclose(found.distances, np.sort(every, axis=1), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(9))  # each its own nearest
    assert (found.distances[:, 0] == 0).all()


def test_a_zero_value_is_at_cosine_distance_one():
    model = linear_models.of_images()
    columns = linear_models.images(3)
    columns["image"][0] = 0
    found = explain.nearest_cases(
        model, columns, columns, layer="inputs", count=1, metric="cosine", reading="flat"
    )
    np.testing.assert_allclose(found.distances[:, 0], [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": "stage3"}, "layer is 'stage3', which is unknown"),
        ({"count": 6}, "count is 6, but train has 5 rows"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, words):
    columns = linear_models.images()
    with pytest.raises(ValueError, match=words):
        explain.nearest_cases(
            linear_models.of_images(), columns, columns, **{"layer": "inputs", **change}
        )
