"""Probes against scikit-learn."""

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
def test_the_linear_probe_is_logistic_regression_on_standardised_features(classes):
    label, scale = LABEL % classes, FEATURES.std(0)
    theirs = LogisticRegression(C=0.5, max_iter=1000).fit(
        (FEATURES - FEATURES.mean(0)) / scale, label
    )
    expected = theirs.predict_proba((ROWS - FEATURES.mean(0)) / scale)
    found = probes.linear_probe(FEATURES, label, strength=0.5)(ROWS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    kernel, bias = probes.linear_head(FEATURES, label, strength=0.5)
    assert kernel.shape == (5, classes)
    np.testing.assert_array_equal((ROWS @ kernel + bias).argmax(1), expected.argmax(1))


@pytest.mark.parametrize("neighbours", [1, 7])
@pytest.mark.parametrize("temperature", [0.07, np.inf])
def test_the_neighbour_probe_is_scikit_learns(neighbours, temperature):
    def weights(distance):
        return np.exp((1 - distance) / temperature)

    theirs = KNeighborsClassifier(neighbours, metric="cosine", weights=weights)
    expected = theirs.fit(FEATURES, LABEL).predict_proba(ROWS)
    probe = probes.nearest_neighbour_probe(
        FEATURES, LABEL, neighbours=neighbours, temperature=float(temperature)
    )
    np.testing.assert_allclose(probe(ROWS), expected, rtol=1e-8, atol=1e-12)


def test_labels_that_no_probe_can_use_are_refused():
    with pytest.raises(ValueError, match=r"holds the classes \[0, 2\]"):
        probes.linear_probe(FEATURES, np.where(LABEL == 1, 0, LABEL))
    with pytest.raises(ValueError, match="one class only"):
        probes.nearest_neighbour_probe(FEATURES, np.zeros(90, np.int32))
    with pytest.raises(ValueError, match="neighbours is 91"):
        probes.nearest_neighbour_probe(FEATURES, LABEL, neighbours=91)
