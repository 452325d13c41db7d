"""Probes against the classifiers of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from jaxmed.baselines import probes

LABEL = (np.arange(90) % 3).astype(np.int32)
FEATURES = np.random.default_rng(0).normal(size=(90, 5)) + np.eye(3, 5)[LABEL] * 2
ROWS = np.random.default_rng(1).normal(size=(40, 5))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_linear_probe_is_logistic_regression_on_standardized_features(classes):
    label, scale = LABEL % classes, FEATURES.std(0)
    theirs = LogisticRegression(C=0.5, max_iter=1000).fit(
        (FEATURES - FEATURES.mean(0)) / scale, label
    )
    expected = theirs.predict_proba((ROWS - FEATURES.mean(0)) / scale)
    found = probes.linear_probe(FEATURES, label, C=0.5)(ROWS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    kernel, bias = probes.linear_head(FEATURES, label, C=0.5)
    assert kernel.shape == (5, classes)
    np.testing.assert_array_equal((ROWS @ kernel + bias).argmax(1), expected.argmax(1))


@pytest.mark.parametrize("neighbors", [1, 7])
@pytest.mark.parametrize("temperature", [0.07, np.inf])
def test_the_neighbor_probe_is_scikit_learns(neighbors, temperature):
    def weights(distance):
        return np.exp((1 - distance) / temperature)

    theirs = KNeighborsClassifier(neighbors, metric="cosine", weights=weights)
    expected = theirs.fit(FEATURES, LABEL).predict_proba(ROWS)
    probe = probes.nearest_neighbor_probe(
        FEATURES, LABEL, neighbors=neighbors, temperature=float(temperature)
    )
    np.testing.assert_allclose(probe(ROWS), expected, rtol=1e-8, atol=1e-12)


def test_labels_that_no_probe_can_use_are_refused():
    with pytest.raises(ValueError, match=r"holds the classes \[0, 2\]"):
        probes.linear_probe(FEATURES, np.where(LABEL == 1, 0, LABEL))
    with pytest.raises(ValueError, match="one class only"):
        probes.nearest_neighbor_probe(FEATURES, np.zeros(90, np.int32))
    with pytest.raises(ValueError, match="neighbors is 91"):
        probes.nearest_neighbor_probe(FEATURES, LABEL, neighbors=91)


@pytest.mark.parametrize("probe", [probes.linear_probe, probes.nearest_neighbor_probe])
def test_no_rows_have_no_probabilities(probe):
    assert probe(FEATURES, LABEL)(ROWS[:0]).shape == (0, 3)


def test_a_penalty_and_a_temperature_must_be_positive():
    with pytest.raises(ValueError, match="C is 0, but must be greater than 0"):
        probes.linear_probe(FEATURES, LABEL, C=0)
    with pytest.raises(ValueError, match="temperature is 0, but must be greater than 0"):
        probes.nearest_neighbor_probe(FEATURES, LABEL, temperature=0)
