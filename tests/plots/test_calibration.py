"""The reliability diagram against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import predicted, words
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


def test_before_and_after_are_told_apart_without_color():
    label, after = predicted(2)
    before = np.stack([1 - after[:, 1] ** 3, after[:, 1] ** 3], axis=1)
    figure = plots.reliability_diagram(label, after, before=before)
    for container, p in zip(figure.axes[0].containers, (after, before), strict=True):
        alone = plots.reliability_diagram(label, p)
        np.testing.assert_array_equal(container.lines[0].get_xydata(), points(alone))
    drawn = [container.lines[0] for container in figure.axes[0].containers]
    assert drawn[0].get_marker() != drawn[1].get_marker()
    assert drawn[0].get_linestyle() != drawn[1].get_linestyle()
    assert "calibrated" in words(figure)
    assert "before" in words(figure)
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    shown = np.concatenate([np.histogram(p[:, 1], 10, (0, 1))[0] for p in (after, before)])
    np.testing.assert_array_equal(heights, shown)


def test_before_is_of_the_same_rows():
    label, after = predicted(2)
    with pytest.raises(ValueError, match="before has shape"):
        plots.reliability_diagram(label, after, before=after[:9])
    with pytest.raises(ValueError, match="before ranges from"):
        plots.reliability_diagram(label, after, before=after * 3)
