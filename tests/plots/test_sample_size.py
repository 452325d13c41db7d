"""The learning curve against NumPy."""

from __future__ import annotations

import io

import numpy as np
import pytest

from jaxmed import plots


def test_a_curve_shows_mean_and_deviation_over_the_seeds():
    values = {"scratch": np.array([[0.6, 0.8], [0.8, 0.9]]), "pretrained": np.ones((2, 2))}
    figure = plots.learning_curve([10, 100], values)
    lines = {c.get_label(): c for c in figure.axes[0].containers}
    np.testing.assert_allclose(lines["scratch"].lines[0].get_ydata(), [0.7, 0.85])
    bar = lines["scratch"].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(np.ptp(bar[:, 1]) / 2, np.std([0.6, 0.8], ddof=1))
    assert "mean ± SD of 2 seeds" in figure.axes[0].get_ylabel()
    figure.savefig(io.BytesIO())


def test_one_seed_has_no_deviation():
    figure = plots.learning_curve([10, 100], {"scratch": np.array([[0.6, 0.8]])})
    (line,) = figure.axes[0].containers
    assert not line.has_yerr
    assert "SD" not in figure.axes[0].get_ylabel()


@pytest.mark.parametrize(
    ("sizes", "scores", "message"),
    [
        ([1, 2], {"one": np.zeros((2, 3))}, r"must be \[columns\] with columns = 3"),
        ([1], {}, "scores is empty"),
        (
            [1],
            {"one": np.zeros((2, 1)), "other": np.zeros((3, 1))},
            r"unequal numbers of seeds, \{'one': 2, 'other': 3\}",
        ),
        ([1], {str(k): np.zeros((2, 1)) for k in range(7)}, "scores has 7 lines"),
    ],
)
def test_what_cannot_be_drawn_is_refused(sizes, scores, message):
    with pytest.raises(ValueError, match=message):
        plots.learning_curve(sizes, scores)
