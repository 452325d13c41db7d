"""Means over rows by hand; against scikit-learn in test_weighted."""

from __future__ import annotations

import numpy as np
from metrics.references import agree

from jaxmed import metrics


def test_the_brier_score_of_two_classes_counts_one_of_them_and_of_more_all():
    agree(metrics.brier(np.array([1, 0]), np.array([[0.4, 0.6], [0.8, 0.2]])), (0.16 + 0.04) / 2)
    agree(metrics.brier(np.array([2]), np.array([[0.2, 0.3, 0.5]])), 0.04 + 0.09 + 0.25)


def test_the_log_loss_of_an_impossible_truth_is_that_of_the_resolution_of_float32():
    agree(metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])), -np.log(2.0**-23))


def test_the_grade_error_is_the_distance_of_the_most_probable_grade():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    agree(metrics.grade_mae(np.array([0, 1]), probabilities), (2 + 1) / 2)
