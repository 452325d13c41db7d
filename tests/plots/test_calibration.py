"""The reliability diagram against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import predicted
from scipy import stats
from sklearn import calibration

from jaxmed import plots


def test_reliability_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    stated = rng.random(400)  # none of them on the edge of a bin, where conventions differ
    label = (rng.random(400) < stated**2).astype(int)
    probabilities = np.stack([1 - stated, stated], 1)
    figure = plots.reliability_diagram(label, probabilities)
    true, mean = calibration.calibration_curve(label, probabilities[:, 1], n_bins=10)
    points = figure.axes[0].containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(points, np.stack([mean, true], 1))
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    np.testing.assert_array_equal(heights, np.histogram(probabilities[:, 1], 10, (0, 1))[0])


def test_reliability_intervals_are_wilsons():
    label = np.array([1] * 7 + [0] * 3)
    stated = np.full(10, 0.75)
    figure = plots.reliability_diagram(label, np.stack([1 - stated, stated], 1))
    (segment,) = figure.axes[0].containers[0].lines[2][0].get_segments()
    expected = stats.binomtest(7, 10).proportion_ci(method="wilson")
    np.testing.assert_allclose(segment[:, 1], [expected.low, expected.high], atol=1e-4)


def points(figure):
    return figure.axes[0].containers[0].lines[0].get_xydata()


def test_of_several_classes_the_predicted_one_is_shown():
    label, probabilities = predicted(3)
    confidence, right = probabilities.max(1), label == probabilities.argmax(1)
    true, mean = calibration.calibration_curve(right, confidence, n_bins=10)
    figure = plots.reliability_diagram(label, probabilities)
    np.testing.assert_allclose(points(figure), np.stack([mean, true], 1))


def test_the_labels_of_a_multilabel_task_are_pooled():
    rng = np.random.default_rng(0)
    probabilities = rng.random((200, 3))
    label = (rng.random((200, 3)) < probabilities).astype(int)
    pooled = probabilities.ravel()
    expected = plots.reliability_diagram(label.ravel(), np.stack([1 - pooled, pooled], 1))
    figure = plots.reliability_diagram(label, probabilities)
    np.testing.assert_allclose(points(figure), points(expected))


def test_no_bin_is_refused():
    with pytest.raises(ValueError, match="bins is 0, but must be at least 1"):
        plots.reliability_diagram(*predicted(2), bins=0)
