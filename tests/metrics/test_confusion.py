"""Statistics of the confusion matrix: counts, and what is undefined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.references import MULTICLASS, OF_TWO, ROWS, agree
from sklearn import metrics as sklearn

from jaxmed import metrics


@pytest.mark.parametrize("data", MULTICLASS, ids=["no ties", "ties"])
def test_the_confusion_matrix_is_scikit_learns(data):
    label, probabilities = data
    expected = sklearn.confusion_matrix(label, probabilities.argmax(axis=1))
    np.testing.assert_array_equal(metrics.confusion_matrix(label, probabilities), expected)
    twice = metrics.confusion_matrix(label, probabilities, np.full((3, ROWS), 2))
    np.testing.assert_array_equal(twice, np.stack([2 * expected] * 3))


def test_a_class_without_examples_is_left_out_of_the_mean():
    label = np.array([0, 0, 1, 1])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    agree(metrics.balanced_accuracy(label, probabilities), 1 / 2)
    agree(metrics.sensitivity(label, probabilities), 1 / 2)
    agree(metrics.specificity(label, probabilities), (1 + 1 / 2 + 3 / 4) / 3)


def test_a_class_that_is_predicted_and_never_true_counts_as_zero():
    label = np.array([0, 0, 1, 1])
    probabilities = np.eye(3)[[0, 1, 1, 2]]
    predicted = probabilities.argmax(axis=1)
    agree(
        metrics.precision(label, probabilities),
        sklearn.precision_score(label, predicted, average="macro"),
    )
    agree(
        metrics.f1_macro(label, probabilities), sklearn.f1_score(label, predicted, average="macro")
    )


def test_one_class_alone():
    label, right = np.zeros(5, int), np.eye(2)[[0] * 5]
    undefined = ("sensitivity", "precision", "f1", "auroc", "average_precision", "cohen_kappa")
    for name in OF_TWO:
        assert math.isnan(getattr(metrics, name)(label, right)) == (name in undefined), name
    agree(metrics.matthews_correlation(label, right), 0)
    assert math.isnan(metrics.quadratic_kappa(label, right))


def test_of_equal_probabilities_the_lowest_class_is_predicted():
    counts = metrics.confusion_matrix(np.array([1]), np.array([[0.2, 0.4, 0.4]]))
    np.testing.assert_array_equal(counts, [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
