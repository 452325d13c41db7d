"""The points of a search."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import plots


def test_the_plot_has_a_panel_per_setting_and_circles_the_best():
    scores = np.array([[0.5, 0.7, 0.6], [np.nan, 0.8, 0.9]])
    settings = {"learning_rate": np.array([1e-3, 1e-2, 1e-1]), "dropout": np.array([0.0, 0.1, 0.2])}
    figure = plots.sweep_scatter(settings, scores, best=2, logarithmic=("learning_rate",))
    left, right = figure.axes
    assert (left.get_xscale(), right.get_xscale()) == ("log", "linear")
    dropped, finished, ringed = (each.get_offsets() for each in right.collections)
    np.testing.assert_allclose(dropped, [[0.0, 0.5]])
    np.testing.assert_allclose(finished, [[0.1, 0.8], [0.2, 0.9]])
    np.testing.assert_allclose(ringed, [[0.2, 0.9]])


def test_no_setting_is_refused():
    with pytest.raises(ValueError, match="settings is empty"):
        plots.sweep_scatter({}, np.zeros((1, 2)), best=0)
