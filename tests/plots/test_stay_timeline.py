"""What the timeline of a stay draws."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed import plots

GOOD = {
    "time": np.array([2.0, 0.5, 1.0]),
    "variable": np.array([2, 0, 2]),
    "value": np.array([37.5, 80.0, 36.5]),
    "names": ("HR", "pH", "Temp"),
    "units": ("1/min", "units", "°C"),
}


def test_measured_variables_have_a_row_each():
    figure = plots.stay_timeline(**GOOD, until=48.0)
    first, second = figure.axes
    assert [axes.get_ylabel() for axes in figure.axes] == ["HR", "Temp"]
    np.testing.assert_array_equal(second.lines[0].get_xydata(), [[1, 36.5], [2, 37.5]])
    np.testing.assert_array_equal(first.lines[1].get_xdata(), [48, 48])
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["80 1/min", "36.5 to 37.5 °C"]
    assert second.get_xlim()[1] > 48


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variable": np.array([3, 0, 0])}, "variable reaches from 0 to 3, but must hold whole"),
        ({"units": ("a",)}, "units has 1 entries, but must have one for each of the 3 names"),
        ({"time": np.array([1.0])}, "variable has shape"),
        ({"until": 0.0}, "until is 0.0, but must be greater than 0"),
        ({"value": np.array([1.0, np.nan, 1])}, "value is not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        plots.stay_timeline(**{**GOOD, **change})
