"""The scatter and the limits of agreement against NumPy."""

from __future__ import annotations

import numpy as np
from plots.figures import words

from jaxmed import plots

LABEL = np.random.default_rng(0).normal(60, 10, 100)
VALUE = LABEL + np.random.default_rng(1).normal(2, 3, 100)
DIFFERENCE = VALUE - LABEL


def test_both_panels_hold_every_row():
    left, right = plots.regression_scatter(LABEL, VALUE).axes
    np.testing.assert_allclose(left.collections[0].get_offsets(), np.stack([LABEL, VALUE], 1))
    mean = (LABEL + VALUE) / 2
    np.testing.assert_allclose(right.collections[0].get_offsets(), np.stack([mean, DIFFERENCE], 1))


def test_bias_and_limits_of_agreement_are_drawn_and_named():
    figure = plots.regression_scatter(LABEL, VALUE, unit="years")
    bias, spread = DIFFERENCE.mean(), 1.96 * DIFFERENCE.std(ddof=1)
    heights = [line.get_ydata()[0] for line in figure.axes[1].lines]
    np.testing.assert_allclose(heights, [bias, bias - spread, bias + spread])
    shown = words(figure)
    assert f"mean {bias:.3g}" in shown
    assert f"to {bias + spread:.3g}" in shown
    assert figure.axes[0].get_xlabel() == "Measured (years)"


def test_one_row_has_limits_at_its_own_difference():
    figure = plots.regression_scatter(np.array([1.0]), np.array([3.0]))
    assert [line.get_ydata()[0] for line in figure.axes[1].lines] == [2, 2, 2]
