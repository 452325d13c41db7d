"""Curves of a history, point by point."""

from __future__ import annotations

import numpy as np
import pytest
from plots.figures import words

from jaxmed import plots

HISTORY = [
    {
        "epoch": epoch,
        "step": 10 * epoch,
        "train/loss": 1 / epoch,
        "validation/loss": 0.3 + 0.01 * (epoch - 7) ** 2,
        "validation/auroc": 1 - 0.2 / epoch,
        "seconds": 0.5,
    }
    for epoch in range(1, 13)
]


def test_losses_and_metrics_are_those_of_the_history():
    figure = plots.training_curve(HISTORY)
    loss, metric = (
        {line.get_label(): line.get_xydata() for line in axes.lines} for axes in figure.axes
    )
    for drawn, label, name in (
        (loss, "train loss", "train/loss"),
        (loss, "validation loss", "validation/loss"),
        (metric, "auroc", "validation/auroc"),
    ):
        np.testing.assert_allclose(drawn[label], [(row["epoch"], row[name]) for row in HISTORY])


def test_segmentations_are_followed_by_their_overlap():
    history = [{**row, "validation/dice": 0.05 * row["epoch"]} for row in HISTORY]
    labels = [line.get_label() for line in plots.training_curve(history).axes[1].lines]
    assert labels[:2] == ["auroc", "dice"]


def test_other_metrics_are_drawn_where_they_are_named():
    figure = plots.training_curve(HISTORY, metrics=["seconds"])
    line = figure.axes[1].lines[0]
    assert line.get_label() == "seconds"
    np.testing.assert_allclose(line.get_ydata(), 0.5)


@pytest.mark.parametrize(("last", "scale"), [(1 / 29, "linear"), (1 / 31, "log")])
def test_losses_of_a_wide_range_have_a_logarithmic_axis(last, scale):
    rows = [{"epoch": 1, "train/loss": 1.0}, {"epoch": 2, "train/loss": last}]
    assert plots.training_curve(rows).axes[0].get_yscale() == scale


def test_the_best_epoch_is_marked_by_the_loss_or_as_told():
    assert "epoch 7, lowest validation loss" in words(plots.training_curve(HISTORY))
    assert "epoch 12, best" in words(plots.training_curve(HISTORY, best_epoch=12))
    assert "epoch 12345, best" in words(plots.training_curve(HISTORY, best_epoch=12345))
    assert "epoch 67.42, best" in words(plots.training_curve(HISTORY, best_epoch=67.4157))


def test_a_history_may_lack_numbers():
    rows = [{"epoch": 1, "train/loss": 0.5}, {"epoch": 2, "train/loss": float("nan")}]
    figure = plots.training_curve(rows)
    assert len(figure.axes) == 1
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[1, 0.5]])
    with pytest.raises(ValueError, match="history is empty"):
        plots.training_curve([])
