"""Every score is a dot on the line of its class, beside the median and quartiles of NumPy."""

from __future__ import annotations

import io

import numpy as np
import pytest

from jaxmed import plots

_random = np.random.default_rng(0)
SCORES = {"anterior": _random.random(30), "posterior $x$": np.array([0.8, np.nan, 0.6, 0.9])}


def test_every_defined_score_is_drawn_once_on_the_line_of_its_class():
    figure = plots.score_dots(SCORES)
    (axes,) = figure.axes
    for line, (column, dots) in enumerate(zip(SCORES.values(), axes.collections, strict=True)):
        x, y = np.asarray(dots.get_offsets()).T
        np.testing.assert_allclose(x, np.sort(column[~np.isnan(column)]))
        assert (abs(y - line) < 0.4).all()
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["anterior\n30 cases", "posterior \\$x\\$\n1 of 4 not defined"]
    figure.savefig(io.BytesIO())


def test_median_and_quartiles_are_those_of_numpy_and_said():
    (axes,) = plots.score_dots(SCORES, metric="HD95", unit="mm").axes
    assert axes.get_xlabel() == "HD95 (mm)"
    lines = [np.asarray(line.get_xdata()) for line in axes.lines]
    for number, column in enumerate(SCORES.values()):
        wanted = np.nanquantile(column, [0.25, 0.5, 0.75])
        np.testing.assert_allclose(lines[2 * number], wanted[[0, 2]])
        np.testing.assert_allclose(lines[2 * number + 1], wanted[1])
        first, median, third = (f"{x:.3f}" for x in wanted)
        assert axes.texts[number].get_text() == f"{median} ({first} to {third})"


def test_dots_of_equal_scores_do_not_cover_each_other():
    (axes,) = plots.score_dots({"a": np.full(12, 0.5)}).axes
    heights = np.sort(np.asarray(axes.collections[0].get_offsets())[:, 1])
    assert np.diff(heights).min() > 0.02


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "scores is {}, but must map names of classes"),
        ({"a": np.array([np.nan])}, r"scores\['a'\] has no defined score"),
        ({"a": np.array([np.inf, 1])}, r"scores\['a'\] is infinite in some cases"),
        (
            {str(i): np.ones(1) for i in range(41)},
            "scores has 41 classes, but must",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        plots.score_dots(scores)
