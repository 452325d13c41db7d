"""Differences, bias and limits of agreement of volumes against NumPy."""

from __future__ import annotations

import io

import numpy as np
import pytest

from jaxmed import plots

_random = np.random.default_rng(0)
VOLUMES = {
    name: (true := _random.uniform(1, 4, 20), true + _random.normal(0.1, 0.3, 20))
    for name in ("anterior", "posterior", "c", "d $x$")
}


def test_every_class_has_its_differences_bias_and_limits():
    figure = plots.volume_agreement(VOLUMES)
    figure.savefig(io.BytesIO())
    assert len(figure.axes) == 6
    assert [axes.axison for axes in figure.axes] == [True] * 4 + [False] * 2
    for axes, (name, (true, predicted)) in zip(figure.axes, VOLUMES.items(), strict=False):
        difference = predicted - true
        drawn = np.asarray(axes.collections[0].get_offsets())
        np.testing.assert_allclose(drawn, np.stack([(predicted + true) / 2, difference], 1))
        bias, spread = difference.mean(), 1.96 * difference.std(ddof=1)
        heights = [line.get_ydata()[0] for line in axes.lines]
        np.testing.assert_allclose(heights, [bias, bias - spread, bias + spread])
        assert axes.get_legend().get_title().get_text() == name.replace("$", r"\$")
        low, high = axes.get_ylim()
        assert low < min(difference.min(), bias - spread)
        assert high > max(difference.max(), bias + spread)
    assert figure.axes[0].get_xlabel() == "Mean of predicted and true (ml)"
    assert figure.axes[0].get_ylabel() == "Predicted \N{MINUS SIGN} true (ml)"


@pytest.mark.parametrize("shift", [0, 0.1])
def test_a_constant_difference_is_drawn_with_readable_numbers(shift):
    true = np.linspace(1, 4, 10)
    figure = plots.volume_agreement({"a": (true, true + shift)}, unit="")
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.yaxis.get_offset_text().get_text() == ""
    assert axes.get_ylim()[0] < shift < axes.get_ylim()[1]
    assert axes.get_xlabel() == "Mean of predicted and true"


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        ({}, "volumes is {}, but must map names of classes to pairs"),
        ({"a": (np.ones(1), np.ones(2))}, "has 1 true and 2 predicted volumes"),
        ({"a": (np.ones(1), np.array([np.nan]))}, r"volumes\['a'\] is not finite in some rows"),
        ({str(i): (np.ones(1), np.ones(1)) for i in range(25)}, "volumes has 25 classes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(volumes, message):
    with pytest.raises(ValueError, match=message):
        plots.volume_agreement(volumes)
