"""Anomaly scores against SciPy's and scikit-learn's distances."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial.distance
from sklearn.neighbors import NearestNeighbors

from jaxmed.evaluation import anomaly

MIXED = np.random.default_rng(0).normal(size=(4, 4))
TRAINING = np.random.default_rng(1).normal(size=(60, 4)) @ MIXED + 3
ROWS = np.random.default_rng(2).normal(size=(15, 4)) * 2


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
    training, rows = (np.concatenate([x, x[:, :1]], axis=1) for x in (TRAINING, ROWS))
    covariance = np.cov(training.T, bias=True)
    shrunk = 0.999 * covariance + 0.001 * np.trace(covariance) / 5 * np.eye(5)
    inverse = np.linalg.inv(shrunk)
    expected = [scipy.spatial.distance.mahalanobis(z, training.mean(0), inverse) for z in rows]
    np.testing.assert_allclose(anomaly.mahalanobis(training)(rows), expected, rtol=1e-8)


@pytest.mark.parametrize("neighbors", [1, 7, 60])
def test_nearest_neighbors_are_those_of_scikit_learn(neighbors):
    theirs = NearestNeighbors(n_neighbors=neighbors).fit(TRAINING).kneighbors(ROWS)[0].mean(1)
    found = anomaly.nearest_neighbors(TRAINING, neighbors=neighbors)(ROWS)
    np.testing.assert_allclose(found, theirs, rtol=1e-8)
    last = NearestNeighbors(n_neighbors=neighbors).fit(TRAINING).kneighbors(ROWS)[0][:, -1]
    farthest = anomaly.nearest_neighbors(TRAINING, neighbors=neighbors, farthest=True)
    np.testing.assert_allclose(farthest(ROWS), last, rtol=1e-8)


def test_a_training_row_is_at_distance_zero_of_itself():
    many = (
        np.random.default_rng(3).normal(size=(600, 3)) + 100
    )  # more rows than are compared at once
    found = anomaly.nearest_neighbors(many, neighbors=1)(many)
    np.testing.assert_array_equal(found, np.zeros(600))


def test_scores_are_functions_of_the_outputs():
    outputs = {
        "error": np.float32([1, 3]),
        "elbo": np.float32([-7, -2]),
        "normality": np.float32([-0.5, 0]),
        "latent": np.float32([[0, 0], [3, 4]]),
    }
    distance = anomaly.nearest_neighbors(np.zeros((1, 2)), neighbors=1)
    near = anomaly.latent_distance(distance)
    of_error = anomaly.latent_distance(lambda rows: rows.astype(float) * 2, name="error")
    for score, expected in (
        (anomaly.reconstruction_error, [1, 3]),
        (anomaly.negative_elbo, [7, 2]),
        (anomaly.negative_normality, [0.5, 0]),
        (near, [0, 5]),
        (of_error, [2, 6]),
    ):
        assert score(outputs).dtype == np.float64
        np.testing.assert_array_equal(score(outputs), expected)


def test_no_rows_have_no_distances():
    for distance in (anomaly.mahalanobis(TRAINING), anomaly.nearest_neighbors(TRAINING)):
        assert distance(np.zeros((0, 4))).shape == (0,)


def test_rows_of_another_width_are_refused():
    for distance in (anomaly.mahalanobis(TRAINING), anomaly.nearest_neighbors(TRAINING)):
        with pytest.raises(ValueError, match=r"rows has shape \(3, 5\), .* width = 4"):
            distance(np.zeros((3, 5)))


@pytest.mark.parametrize("rows", [3, 4])
def test_a_covariance_that_cannot_be_inverted_is_refused(rows):
    with pytest.raises(ValueError, match=f"of {rows} rows of 4 latents cannot be inverted"):
        anomaly.mahalanobis(TRAINING[:rows], shrinkage=0.0)
    shrunk = anomaly.mahalanobis(TRAINING[:rows])(TRAINING[:rows])
    np.testing.assert_array_less(0, shrunk)  # the default inverts it


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="neighbors is 61"):
        anomaly.nearest_neighbors(TRAINING, neighbors=61)
    with pytest.raises(ValueError, match="shrinkage is 2"):
        anomaly.mahalanobis(TRAINING, shrinkage=2.0)
    nearly = 1 / 3 + 1e-9 * TRAINING
    with pytest.raises(ValueError, match="training is not finite in"):
        anomaly.mahalanobis(np.where(TRAINING > 0, TRAINING, np.nan))
    for training in (np.ones((5, 2)), nearly):
        with pytest.raises(ValueError, match="so it has no covariance"):
            anomaly.mahalanobis(training)
