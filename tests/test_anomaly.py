"""Anomaly scores against SciPy's and scikit-learn's distances."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import scipy.spatial.distance
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors

from jaxmed import anomaly, reconstruction
from jaxmed.data import inputs
from jaxmed.evaluation import statistics
from jaxmed.models import MLP
from jaxmed.models.autoencoder import DenseDecoder, VariationalAutoencoder

_random = np.random.default_rng(0)
TRAINING = _random.normal(size=(60, 4)) @ _random.normal(size=(4, 4)) + 3
ROWS = _random.normal(size=(15, 4)) * 2


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_mahalanobis_is_scipys_distance(shrinkage):
    mean = TRAINING.mean(0)
    covariance = (TRAINING - mean).T @ (TRAINING - mean) / len(TRAINING)
    sphere = np.trace(covariance) / 4 * np.eye(4)
    inverse = np.linalg.inv((1 - shrinkage) * covariance + shrinkage * sphere)
    expected = [scipy.spatial.distance.mahalanobis(row, mean, inverse) for row in ROWS]
    found = anomaly.mahalanobis(TRAINING, shrinkage=shrinkage)(ROWS)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_a_latent_that_repeats_another_can_be_measured_with_shrinkage():
    twice = np.concatenate([TRAINING, TRAINING[:, :1]], axis=1)
    found = anomaly.mahalanobis(twice)(np.concatenate([ROWS, ROWS[:, :1]], axis=1))
    assert np.isfinite(found).all()


@pytest.mark.parametrize("neighbours", [1, 7, 60])
def test_nearest_neighbours_are_those_of_scikit_learn(neighbours):
    theirs = NearestNeighbors(n_neighbors=neighbours).fit(TRAINING).kneighbors(ROWS)[0].mean(1)
    found = anomaly.nearest_neighbours(TRAINING, neighbours=neighbours)(ROWS)
    np.testing.assert_allclose(found, theirs, rtol=1e-8)


def test_a_training_row_is_at_distance_zero_of_itself():
    many = _random.normal(size=(600, 3)) + 100  # more rows than are compared at once
    found = anomaly.nearest_neighbours(many, neighbours=1)(many)
    np.testing.assert_array_equal(found, np.zeros(600))


def test_ranks_have_the_area_of_the_scores_ties_and_all():
    score = np.array([-300.0, 5, 5, 1e9, 0, -2, 5, 7])
    label = np.array([0, 1, 0, 1, 0, 1, 1, 0])
    both = anomaly.ranked(score)
    np.testing.assert_allclose(both.sum(1), 1)
    assert both.min() >= 0
    assert statistics.auroc(label, both) == pytest.approx(roc_auc_score(label, score))
    assert statistics.average_precision(label, both) == pytest.approx(
        average_precision_score(label, score)
    )


def test_scores_come_from_what_the_task_predicts():
    images = _random.integers(0, 256, (9, 4, 4, 1), np.uint8)
    task = reconstruction.variational(
        VariationalAutoencoder(MLP((), 4), DenseDecoder((4, 4, 1))), inputs=inputs.unit_pixels
    )
    params, state = task.init(jax.random.key(0), {"image": images})
    outputs = jax.tree.map(np.asarray, task.predict(params, state, {"image": images}))

    def found(score):
        return anomaly.scores(task, params, state, {"image": images}, score=score, batch_size=4)

    np.testing.assert_allclose(found(anomaly.error), outputs["error"], rtol=1e-5)
    np.testing.assert_allclose(found(anomaly.negative_elbo), -outputs["elbo"], rtol=1e-5)
    near = anomaly.nearest_neighbours(outputs["latent"], neighbours=2)
    np.testing.assert_allclose(
        found(anomaly.of_latent(near)), near(outputs["latent"]), rtol=1e-4, atol=1e-6
    )


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="neighbours is 61"):
        anomaly.nearest_neighbours(TRAINING, neighbours=61)
    with pytest.raises(ValueError, match="shrinkage is 2"):
        anomaly.mahalanobis(TRAINING, shrinkage=2.0)
    with pytest.raises(ValueError, match="equal rows only"):
        anomaly.mahalanobis(np.ones((5, 2)))
