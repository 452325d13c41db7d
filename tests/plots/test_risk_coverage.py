"""What the risk-coverage figure draws."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import metrics, plots

LABEL = np.array([1, 1, 0, 0])
P = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])


def test_the_curves_and_their_areas_are_drawn():
    good = metrics.risk_coverage(LABEL, P)
    bad = metrics.risk_coverage(LABEL, P, confidence=-P.max(1))
    figure = plots.risk_coverage_curves({"max": good, "inverted": bad})
    first, _, second, _ = figure.axes[0].lines
    expected = [[0.25, 0], [0.5, 0], [0.75, 1 / 3], [1, 1 / 4]]
    np.testing.assert_allclose(first.get_xydata(), expected)
    np.testing.assert_allclose(second.get_ydata(), [0, 1 / 2, 1 / 3, 1 / 4])
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["0.146  max", "0.271  inverted"]


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({}, "at least one"),
        ({"a": (np.array([0.5, 1]), np.array([0.5]))}, "2 coverages and 1 risks"),
        ({"a": (np.array([1, 0.5]), np.array([0.5, 0]))}, "coverage must rise"),
        ({"a": (np.array([0.5, 1]), np.array([0.5, 2]))}, "lie in"),
    ],
)
def test_what_is_no_curve_is_refused(curves, words):
    with pytest.raises(ValueError, match=f"curves.*{words}"):
        plots.risk_coverage_curves(curves)
