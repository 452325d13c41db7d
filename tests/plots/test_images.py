"""Plots of images and of labels' worth hold what they were given."""

from __future__ import annotations

import io

import numpy as np
import pytest

from jaxmed.plots.images import image_rows
from jaxmed.plots.label_curve import label_curve


def test_every_image_is_drawn_once_in_its_row_and_what_is_missing_left_blank():
    random = np.random.default_rng(0)
    rows = {"in": random.random((5, 4, 4, 1)), "out $x$": random.random((3, 4, 4, 3))}
    figure = image_rows(rows, columns=4)
    axes = figure.axes
    assert len(axes) == 8
    drawn = [axis.images[0].get_array() if axis.images else None for axis in axes]
    for number in range(4):
        np.testing.assert_allclose(drawn[number], rows["in"][number, :, :, 0])
    np.testing.assert_allclose(drawn[6], rows["out $x$"][2])
    assert drawn[7] is None
    assert axes[0].get_ylabel() == "in"
    figure.savefig(io.BytesIO())


def test_a_curve_shows_mean_and_deviation_over_the_seeds():
    values = {"scratch": np.array([[0.6, 0.8], [0.8, 0.9]]), "pretrained": np.ones((2, 2))}
    figure = label_curve([10, 100], values)
    lines = {c.get_label(): c for c in figure.axes[0].containers}
    np.testing.assert_allclose(lines["scratch"].lines[0].get_ydata(), [0.7, 0.85])
    bar = lines["scratch"].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(np.ptp(bar[:, 1]) / 2, np.std([0.6, 0.8], ddof=1))
    assert "mean ± SD of 2 seeds" in figure.axes[0].get_ylabel()
    figure.savefig(io.BytesIO())


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="rows is empty"):
        image_rows({})
    with pytest.raises(ValueError, match=r"volumes has shape \(2, 3, 3, 3, 1\)"):
        image_rows({"volumes": np.zeros((2, 3, 3, 3, 1))})
    with pytest.raises(ValueError, match="columns is 0, but must be greater than 0"):
        image_rows({"one": np.zeros((2, 3, 3, 1))}, columns=0)
    with pytest.raises(ValueError, match="rows holds no image in one, other: give at least one"):
        image_rows({"one": np.zeros((0, 3, 3, 1)), "other": np.zeros((0, 3, 3, 1))})
    with pytest.raises(ValueError, match=r"must be \[columns\] with columns = 3"):
        label_curve([1, 2], {"one": np.zeros((2, 3))})
    with pytest.raises(ValueError, match="values is empty"):
        label_curve([1], {})
    with pytest.raises(ValueError, match=r"unequal numbers of seeds, \{'one': 2, 'other': 3\}"):
        label_curve([1], {"one": np.zeros((2, 1)), "other": np.zeros((3, 1))})
