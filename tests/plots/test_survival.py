"""Survival curves show the numbers at risk, calibration a point per group."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.plots import SurvivalGroup, survival_auroc, survival_calibration, survival_curves

TIME = np.array([2.0, 5.0, 5.0, 9.0, 20.0])
GROUP = SurvivalGroup(
    TIME, np.array([2.0, 9.0]), np.array([0.8, 0.4]), np.array([5.0, 30.0]), np.array([0.7, 0.2])
)


def test_below_each_tick_stand_the_rows_that_are_still_observed():
    figure = survival_curves({"low": GROUP, "high": GROUP._replace(time=TIME / 2)}, unit="months")
    upper, lower = figure.axes
    shown = [(text.get_position(), text.get_text()) for text in lower.texts]
    for (tick, line), word in shown:
        time = TIME if line == 0 else TIME / 2
        assert word == str((time >= tick).sum())
    assert ((0, 0), "5") in shown
    assert lower.get_xlabel() == "time, months"
    assert [text.get_text() for text in upper.get_legend().get_texts()] == ["low", "high"]


def test_curves_begin_with_1_and_predictions_end_with_the_observations():
    upper = survival_curves({"all": GROUP}).axes[0]
    steps, predicted = (line.get_xydata().tolist() for line in upper.lines)
    assert steps == [[0, 1], [2, 0.8], [9, 0.4]]
    assert predicted == [[0, 1], [5, 0.7]]


def test_calibration_has_a_point_per_group_with_its_rows():
    predicted, observed = np.array([0.1, 0.3]), np.array([0.2, 0.25])
    axes = survival_calibration(predicted, observed, np.array([7, 1200]), 24.0).axes[0]
    np.testing.assert_allclose(axes.lines[1].get_xydata(), np.stack([predicted, observed], 1))
    assert [text.get_text() for text in axes.texts] == ["7", "1,200"]
    assert axes.get_xlabel().endswith("until 24")


def test_auroc_has_a_line_between_its_intervals_and_keeps_low_areas_in_sight():
    times, auroc = np.array([1.0, 2.0, 4.0]), np.array([0.8, 0.7, 0.3])
    axes = survival_auroc(times, auroc, auroc - 0.1, auroc + 0.1).axes[0]
    np.testing.assert_allclose(axes.lines[1].get_xydata(), np.stack([times, auroc], 1))
    band = axes.collections[0].get_paths()[0].vertices
    assert {(1.0, 0.9), (4.0, 0.2)} <= {tuple(point) for point in band.round(6).tolist()}
    assert axes.get_ylim()[0] < 0.2


def test_groups_without_rows_are_refused():
    with pytest.raises(ValueError, match=r"holds .* for 'a', but must hold a"):
        survival_curves({"a": GROUP._replace(time=np.empty(0))})
