"""DeLong's variance, interval and test against all pairs of rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.references import BINARY, ROWS, agree, predictions
from scipy import stats
from sklearn import metrics as sklearn

from jaxmed import metrics
from jaxmed.metrics import delong


def brute_force(label, first, second):
    """AUROCs and their covariance, pair by pair."""
    kernels = []
    for probabilities in (first, second):
        positive, negative = probabilities[label == 1, 1], probabilities[label == 0, 1]
        above, equal = positive[:, None] > negative, positive[:, None] == negative
        kernels.append(above + equal / 2)
    areas = [kernel.mean() for kernel in kernels]
    m, n = kernels[0].shape
    covariance = (
        np.cov([kernel.mean(axis=1) for kernel in kernels]) / m
        + np.cov([kernel.mean(axis=0) for kernel in kernels]) / n
    )
    return areas, covariance


@pytest.mark.parametrize("data", BINARY, ids=["no ties", "ties"])
def test_delong_is_the_brute_force_over_pairs(data):
    label, first = data
    _, second = predictions(2, ties=True, seed=1)
    areas, covariance = brute_force(label, first, second)
    agree(delong.delong_variance(label, first), (areas[0], covariance[0, 0]))
    agree(areas[0], sklearn.roc_auc_score(label, first[:, 1]))
    test = delong.delong_test(label, first, second)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    agree(test, (areas[0] - areas[1], z, 2 * stats.norm.sf(abs(z))))
    low, high = stats.norm.interval(0.9, areas[0], covariance[0, 0] ** 0.5)
    agree(delong.delong_interval(label, first, level=0.9), (areas[0], low, high))


def test_delong_and_the_bootstrap_agree():
    label, probabilities = BINARY[0]
    weights = metrics.bootstrap_weights(ROWS, resamples=4000, seed=0)
    sampled = metrics.auroc(label, probabilities, weights)
    _, variance = delong.delong_variance(label, probabilities)
    np.testing.assert_allclose(sampled.std(), variance**0.5, rtol=0.1)


def test_models_that_rank_alike_and_a_perfect_one():
    label, probabilities = BINARY[0]
    squashed = probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True)
    assert delong.delong_test(label, probabilities, squashed) == (0, 0, 1)
    perfect = np.eye(2)[label]
    assert delong.delong_interval(label, perfect) == (1, 1, 1)
    test = delong.delong_test(label, perfect, 1 - perfect)
    assert test == (1, math.inf, 0)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ([0, 1, 1], "label holds 2 positives and 1 negatives, but DeLong's variance needs at"),
        ([0, 2, 2], "DeLong's method needs two classes"),
    ],
)
def test_labels_without_a_variance_are_refused(label, message):
    with pytest.raises(ValueError, match=message):
        delong.delong_variance(np.array(label), np.full((3, 2), 0.5))


def test_a_level_that_is_no_fraction_is_refused():
    with pytest.raises(ValueError, match="level is 95"):
        delong.delong_interval(*BINARY[0], level=95)
