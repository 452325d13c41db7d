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


def test_two_groups_of_rows_add_their_variances():
    label, first = BINARY[0]
    _, second = predictions(2, ties=True, seed=1)
    areas, covariance = brute_force(label, first, second)
    found = delong.delong_test_unpaired(label, first, label, second)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1])
    agree(found, (areas[0] - areas[1], z, 2 * stats.norm.sf(abs(z))))


def test_two_groups_of_one_population_differ_as_often_as_the_level_says():
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(1000):
        groups = []
        for rows in (120, 80):
            label = (np.arange(rows) % 3 == 0).astype(int)
            probabilities = metrics.rank_probabilities(rng.normal(size=rows) + 1.2 * label)
            groups += [label, probabilities]
        p_values.append(delong.delong_test_unpaired(*groups).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert abs(np.mean(np.array(p_values) < 0.05) - 0.05) < 0.02


def test_a_group_without_a_variance_is_named():
    label, probabilities = BINARY[0]
    with pytest.raises(ValueError, match="second_label holds 0 positives"):
        delong.delong_test_unpaired(label, probabilities, np.zeros_like(label), probabilities)
