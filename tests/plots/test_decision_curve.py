"""The decision curve: what is drawn, and that it can be read without color."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import words

from jaxmed import plots

X = np.linspace(0.1, 0.9, 9)
LINES = {"CNN": 0.5 - X / 2, "age": 0.3 - X / 3}
ALL = 0.4 - X


def drawn(**options):
    return plots.decision_curve(X, LINES, ALL, positive="ill", **options)


def test_the_lines_are_the_numbers():
    axes = drawn().axes[0]
    by_name = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(by_name["CNN"].get_xydata(), np.stack([X, LINES["CNN"]], 1))
    np.testing.assert_array_equal(by_name["treat all as ill"].get_ydata(), ALL)
    assert set(by_name["treat none as ill"].get_ydata()) == {0}
    assert axes.get_xlabel() == "Threshold probability of ill"
    low, high = axes.get_ylim()
    assert low < 0 < LINES["CNN"].max() < high


def test_no_two_lines_have_one_pattern_and_marker():
    looks = [(line.get_linestyle(), line.get_marker()) for line in drawn().axes[0].lines]
    patterns = [(line._dash_pattern, line.get_marker()) for line in drawn().axes[0].lines]
    assert len({str(look) for look in zip(looks, patterns, strict=True)}) == 4


def test_the_band_has_its_level_in_the_legend():
    band = (LINES["CNN"] - 0.1, LINES["CNN"] + 0.1)
    figure = drawn(band=band, level=0.9)
    assert "its 90 % interval" in words(figure)
    (area,) = figure.axes[0].collections
    assert area.get_paths()[0].vertices[:, 1].max() == pytest.approx(LINES["CNN"].max() + 0.1)


@pytest.mark.parametrize(
    ("x", "lines", "message"),
    [
        (X[::-1], LINES, "thresholds must ascend"),
        (X + 0.1, LINES, "thresholds must ascend and lie in"),
        (X, {}, "net_benefit is {}, but must map one to 4 names"),
        (X, {"CNN": X[:3]}, r"net_benefit has shape \(3,\)"),
    ],
)
def test_what_cannot_be_drawn_is_refused(x, lines, message):
    with pytest.raises(ValueError, match=message):
        plots.decision_curve(x, lines, ALL, positive="ill")
