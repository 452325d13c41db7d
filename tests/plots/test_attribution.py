"""Figures of attributions: what they show of sign and size, without color too."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from jaxmed import plots
from jaxmed.plots.attribution import HATCH


def blobs():
    """One image with a positive part at the upper left and a negative one at the lower right."""
    y, x = np.mgrid[:20, :20]
    return (
        np.exp(-((x - 5) ** 2 + (y - 5) ** 2) / 8) - np.exp(-((x - 14) ** 2 + (y - 14) ** 2) / 8)
    )[None]


def bars(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_both_signs_are_outlined_and_told_apart_without_color():
    figure = plots.attribution_overlay(np.full((1, 20, 20, 1), 0.5), blobs(), titles=["a$b$"])
    above, below = figure.axes
    assert above.get_title() == r"a\$b\$"
    assert not above.collections
    hatches, centers, styles = [], [], []
    for drawn in below.collections:
        if getattr(drawn, "filled", False):
            hatches.append(drawn.hatches[0])
            centers.append(np.concatenate([p.vertices for p in drawn.get_paths()]).mean(0))
        else:
            styles.append(drawn.get_linestyle()[0][1])
    assert hatches == ["", HATCH]
    np.testing.assert_allclose(centers, [[5, 5], [14, 14]], atol=0.5)
    assert styles[0] is None
    assert styles[1] is not None  # dashed


def test_as_many_pixels_are_outlined_as_asked():
    size = np.abs(blobs()) + 1e-3 * np.random.default_rng(0).random((1, 20, 20))
    figure = plots.attribution_overlay(np.zeros((1, 20, 20, 3)), size, top=0.2)
    filled = [each for each in figure.axes[1].collections if getattr(each, "filled", False)]
    assert len(filled) == 1
    level = filled[0].levels[0]
    assert (size >= level).mean() == pytest.approx(0.2, abs=0.01)


def test_maps_of_one_sign_or_none_can_be_drawn():
    images = np.zeros((3, 20, 20, 1))
    maps = np.concatenate([np.zeros((1, 20, 20)), np.ones((1, 20, 20)), -np.abs(blobs())])
    figure = plots.attribution_overlay(images, maps[..., None], columns=3)
    figure.canvas.draw()
    assert len(figure.axes) == 6


def test_bars_are_ordered_by_size_and_hatched_where_negative():
    figure = plots.attribution_bars(
        np.array([0.5, -2.0, 1.0, 0.1]), ["a", "b", "c", "d"], values=["1", "2", "3", "4"], most=3
    )
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b = 2", "c = 3", "a = 1"]
    assert [bar.get_width() for bar in bars(axes)] == [-2, 1, 0.5]
    assert [bool(bar.get_hatch()) for bar in bars(axes)] == [True, False, False]
    assert [text.get_text() for text in axes.texts] == ["\N{MINUS SIGN}2", "1", "0.5"]


def test_each_lead_stands_above_its_attribution():
    seconds = np.arange(50) / 100
    signal = np.stack([np.sin(20 * seconds), np.cos(20 * seconds)], axis=1)
    attributions = np.stack([np.r_[np.ones(25), -np.ones(25)], np.zeros(50)], axis=1)
    figure = plots.attribution_trace(signal, attributions, rate=100, leads=("II", "V1"))
    first, below, second, flat = figure.axes
    for axes, column in ((first, 0), (second, 1)):
        (line,) = axes.lines
        np.testing.assert_allclose(line.get_xdata(), seconds)
        np.testing.assert_allclose(line.get_ydata(), signal[:, column])
    assert [first.get_ylabel(), second.get_ylabel()] == ["II (mV)", "V1 (mV)"]
    above, under = below.collections
    assert [bool(above.get_hatch()), bool(under.get_hatch())] == [False, True]
    reach = [each.get_paths()[0].vertices[:, 1] for each in (above, under)]
    assert [(each.min(), each.max()) for each in reach] == [(0, 1), (-1, 0)]
    assert below.get_ylim() == flat.get_ylim()
    figure.canvas.draw()


def test_words_stand_on_bars_of_their_size():
    words = [f"word{number}" for number in range(12)]
    attributions = np.linspace(-1, 2, 12)
    figure = plots.attribution_text(words, attributions)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == words
    heights = np.array([bar.get_height() for bar in bars(axes)])
    np.testing.assert_allclose(heights / heights[-1], attributions / 2)
    assert [bool(bar.get_hatch()) for bar in bars(axes)] == (attributions < 0).tolist()
    # The eleventh begins the second line, and no bar reaches into a word.
    positions = [text.get_position() for text in axes.texts]
    assert positions[10] == (0, -1)
    assert np.abs(heights).max() < 0.4


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (
            lambda: plots.attribution_overlay(np.ones((1, 4, 4, 1)), np.ones((1, 4, 5))),
            "maps has sh",
        ),
        (
            lambda: plots.attribution_overlay(np.ones((1, 4, 4, 2)), np.ones((1, 4, 4))),
            "1 or 3 channels",
        ),
        (lambda: plots.attribution_bars(np.ones(2), ["a"]), "names has 1 strings"),
        (lambda: plots.attribution_text(["a"] * 401, np.ones(401)), "words has 401 words"),
        (lambda: plots.attribution_text(["a"], np.array([np.nan])), "attributions is not finite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()
