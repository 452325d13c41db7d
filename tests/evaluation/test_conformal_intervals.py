"""Intervals of numbers: brute force by hand, coverage, width where a row is hard."""

from __future__ import annotations

import math

import numpy as np
import pytest

from jaxmed.evaluation import ConformalIntervals, fit_intervals
from jaxmed.evaluation.conformal_intervals import float32_scores, interval_scores, widened


def rows(count, seed):
    """Labels whose deviation is 0.2 + 2 x, and the exact quantiles 5 % and 95 %."""
    random = np.random.default_rng(seed)
    x = random.uniform(size=count)
    deviation = 0.2 + 2 * x
    ends = np.stack([-1.645 * deviation, 1.645 * deviation], axis=1)
    return x, random.normal(0, deviation), ends


def test_residual_intervals_are_those_of_brute_force():
    random = np.random.default_rng(0)
    label, value = random.normal(size=50), random.normal(size=50)
    half = sorted(abs(a - b) for a, b in zip(label, value, strict=True))[math.ceil(51 * 0.9) - 1]
    found = fit_intervals(label, value, level=0.9).intervals(np.array([0.0, 7.5]))
    np.testing.assert_allclose(found, [[-half, half], [7.5 - half, 7.5 + half]], rtol=1e-12)


@pytest.mark.parametrize("method", ["residual", "cqr"])
def test_in_float32_the_score_of_a_row_is_just_enough_to_hold_its_label(method):
    _, label, ends = rows(5000, 3)
    predicted = (ends[:, 1] / 3 if method == "residual" else ends).astype(np.float32)
    scores = float32_scores(method, predicted, label)
    low, high = widened(np, method, predicted, scores).T
    assert low.dtype == high.dtype == np.float32
    assert ((low <= label) & (label <= high)).all()
    np.testing.assert_allclose(
        scores, interval_scores(method, np.float64(predicted), label), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_cqr_intervals_are_those_of_brute_force(scale):
    _, label, ends = rows(60, 1)
    ends = ends * scale  # quantiles that are too narrow, or too wide
    scores = [max(low - y, y - high) for y, (low, high) in zip(label, ends, strict=True)]
    q = sorted(scores)[math.ceil(61 * 0.8) - 1]
    found = fit_intervals(label, ends, level=0.8, method="cqr")
    assert found.thresholds.tolist() == [pytest.approx(q, rel=1e-12)]
    _, _, new = rows(30, 2)
    wanted = [
        (low - q, high + q) if low - q <= high + q else ((low + high) / 2,) * 2 for low, high in new
    ]
    np.testing.assert_allclose(found.intervals(new), wanted, rtol=1e-12)
    assert (q < 0) == (scale > 0.5)


def test_both_cover_as_asked_and_cqr_is_narrow_where_rows_are_easy():
    _, label, ends = rows(20_000, 3)
    new_x, new_label, new_ends = rows(20_000, 4)

    def judged(method, predicted, new):
        found = fit_intervals(label, predicted, level=0.9, method=method).intervals(new)
        low, high = found.T
        return (low <= new_label) & (new_label <= high), high - low

    plain, width = judged("residual", np.zeros(20_000), np.zeros(20_000))
    better, varied = judged("cqr", ends * 0.5, new_ends * 0.5)
    assert plain.mean() == pytest.approx(0.9, abs=0.015)
    assert better.mean() == pytest.approx(0.9, abs=0.015)
    easy, hard = new_x < 0.2, new_x > 0.8
    assert plain[easy].mean() > 0.98
    assert plain[hard].mean() < 0.8
    assert varied[easy].mean() < width[0] < varied[hard].mean()


def test_each_group_has_a_width_of_its_own():
    x, label, _ = rows(400, 5)
    hard = (x > 0.5).astype(int)
    found = fit_intervals(label, np.zeros(400), by=hard)
    ends = found.intervals(np.zeros(2), [0, 1])
    for group in (0, 1):
        own = fit_intervals(label[hard == group], np.zeros((hard == group).sum()))
        np.testing.assert_array_equal(ends[group], own.intervals(np.zeros(1))[0])
    assert ends[0, 1] < ends[1, 1]
    with pytest.raises(ValueError, match="groups is None, but the calibration had groups"):
        found.intervals(np.zeros(2))


def test_too_few_rows_and_ends_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match=r"calibration has 8 rows.* needs at least 9: add rows"):
        fit_intervals(np.zeros(8), np.zeros(8))
    with pytest.raises(ValueError, match="group 1 of the calibration has 3 rows"):
        fit_intervals(np.zeros(20), np.zeros(20), by=(np.arange(20) > 16).astype(int))
    with pytest.raises(ValueError, match="a lower and an upper end per row"):
        fit_intervals(np.zeros(20), np.tile([1.0, 0.0], (20, 1)), method="cqr")
    assert isinstance(fit_intervals(np.zeros(9), np.zeros(9)), ConformalIntervals)
