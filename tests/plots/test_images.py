"""Every image of the grid is the one given."""

from __future__ import annotations

import io

import numpy as np
import pytest

from jaxmed import plots


def test_every_image_is_drawn_once_in_its_row_and_what_is_missing_left_blank():
    random = np.random.default_rng(0)
    rows = {"in": random.random((5, 4, 4, 1)), "out $x$": random.random((3, 4, 4, 3))}
    figure = plots.image_grid(rows, columns=4)
    axes = figure.axes
    assert len(axes) == 8
    drawn = [axis.images[0].get_array() if axis.images else None for axis in axes]
    for number in range(4):
        np.testing.assert_allclose(drawn[number], rows["in"][number, :, :, 0])
    np.testing.assert_allclose(drawn[6], rows["out $x$"][2])
    assert drawn[7] is None
    assert axes[0].get_ylabel() == "in"
    figure.savefig(io.BytesIO())


def test_values_outside_the_unit_interval_are_clipped():
    figure = plots.image_grid({"one": np.array([[[[-1.0], [2.0]]]])})
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), [[0, 1]])


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ({}, 12, "rows is empty"),
        ({"volumes": np.zeros((2, 3, 3, 3, 1))}, 12, r"volumes has shape \(2, 3, 3, 3, 1\)"),
        ({"one": np.zeros((2, 3, 3, 1))}, 0, "columns is 0, but must be at least 1"),
        (
            {"one": np.zeros((0, 3, 3, 1)), "other": np.zeros((0, 3, 3, 1))},
            12,
            "rows has no image in one, other: give at least one",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows, columns, message):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(rows, columns=columns)
