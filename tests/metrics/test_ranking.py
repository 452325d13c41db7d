"""Statistics of the ranking against scikit-learn, with any ties and weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.references import agree
from sklearn import metrics as sklearn

from jaxmed import metrics


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_ranking_statistics_hold_for_any_ties_and_weights(data):
    rows = data.draw(st.integers(2, 12))
    label = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows, max_size=rows)))
    eighths = data.draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows)))
    positive = np.array(eighths) / 8
    probabilities = np.stack([1 - positive, positive], axis=1)
    area = metrics.auroc(label, probabilities, counts[None])[0]
    precision = metrics.average_precision(label, probabilities, counts[None])[0]
    held = counts > 0
    if not (label[held] == 1).any():
        assert math.isnan(area)
        assert math.isnan(precision)
        return
    truth, score, weight = label[held], positive[held], counts[held]
    agree(precision, sklearn.average_precision_score(truth, score, sample_weight=weight))
    if (truth == 1).all():
        assert math.isnan(area)
    else:
        agree(area, sklearn.roc_auc_score(truth, score, sample_weight=weight))


@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_area_whatever_the_weights(only):
    random = np.random.default_rng(only)
    for rows in random.integers(2, 60, 200):
        positive = random.random(rows)
        weights = random.random((3, rows))
        label = np.full(rows, only)
        area = metrics.auroc(label, np.stack([1 - positive, positive], 1), weights)
        assert np.isnan(area).all()


def test_a_class_without_examples_is_left_out_of_the_mean():
    label = np.array([0, 0, 1, 1])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    agree(metrics.auroc(label, probabilities), (3 / 4 + 1 / 2) / 2)
    agree(metrics.average_precision(label, probabilities), (3 / 4 + 1 / 2) / 2)


def test_rank_probabilities_have_the_area_of_the_scores_with_ties():
    score = np.array([-300.0, 5, 5, 1e9, 0, -2, 5, 7])
    label = np.array([0, 1, 0, 1, 0, 1, 1, 0])
    both = metrics.rank_probabilities(score)
    np.testing.assert_allclose(both.sum(1), 1)
    assert both.min() >= 0
    assert metrics.auroc(label, both) == pytest.approx(sklearn.roc_auc_score(label, score))
    assert metrics.average_precision(label, both) == pytest.approx(
        sklearn.average_precision_score(label, score)
    )
