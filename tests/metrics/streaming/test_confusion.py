"""Streaming metrics of the confusion matrix: undefined scores, float32, bad arguments."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest
from metrics.streaming.cases import agree, streamed
from sklearn import metrics as reference

from jaxmed.metrics import streaming


def test_a_class_without_examples_is_left_out_of_averages():
    label, probabilities = [0, 0, 1, 1], np.eye(3)[[0, 1, 1, 2]]
    agree(streamed(streaming.sensitivity(3), label, probabilities), 1 / 2)
    # Class 2 was predicted, and wrongly: its precision and F1 are 0, as in scikit-learn.
    predicted = probabilities.argmax(axis=1)
    for metric, function in (
        (streaming.precision, reference.precision_score),
        (streaming.f1, reference.f1_score),
    ):
        agree(
            streamed(metric(3), label, probabilities), function(label, predicted, average="macro")
        )


def test_a_class_that_is_never_predicted_has_precision_zero():
    agree(streamed(streaming.precision(2), [0, 1], np.eye(2)[[0, 0]]), 0)
    assert math.isnan(streamed(streaming.precision(2), [0, 0], np.eye(2)[[0, 0]]))


def test_constant_predictions():
    constant = np.eye(2)[[0, 0, 0]]
    agree(streamed(streaming.matthews_correlation(2), [0, 1, 0], constant), 0)
    agree(streamed(streaming.cohen_kappa(2), [0, 1, 0], constant), 0)
    assert math.isnan(streamed(streaming.cohen_kappa(2), [0, 0, 0], constant))
    assert math.isnan(streamed(streaming.quadratic_kappa(2), [0, 0, 0], constant))


def test_a_rare_class_keeps_its_precision_in_float32():
    counts = jnp.array([[1_000_000, 30], [50, 20]])
    label = np.repeat([0, 0, 1, 1], counts.ravel())
    predicted = np.repeat([0, 1, 0, 1], counts.ravel())
    state = {"sums": counts, "undefined": jnp.zeros((), int)}
    agree(
        streaming.matthews_correlation(2).result(state),
        reference.matthews_corrcoef(label, predicted),
    )
    agree(streaming.cohen_kappa(2).result(state), reference.cohen_kappa_score(label, predicted))


def test_a_label_outside_the_classes_is_not_counted():
    counts = streamed(streaming.confusion_matrix(2), [0, -1, 2, 1], np.eye(2)[[0, 0, 1, 0]])
    np.testing.assert_array_equal(counts, [[1, 0], [1, 0]])


def test_one_class_is_no_choice():
    with pytest.raises(ValueError, match="classes is 1, but must be at least 2"):
        streaming.confusion_matrix(1)
