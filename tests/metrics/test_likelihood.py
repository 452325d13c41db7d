"""Likelihood ratios by hand, and how often their intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from metrics.references import BINARY, agree

from jaxmed import metrics


def test_the_published_example():
    """Simel 1991 by hand: 90 of 100 cases and 20 of 80 others are called positive."""
    found = metrics.likelihood_ratios_of_counts(90, 20, 10, 60)
    error = math.sqrt(1 / 90 - 1 / 100 + 1 / 20 - 1 / 80)
    ends = [math.exp(math.log(3.6) + sign * 1.959964 * error) for sign in (-1, 1)]
    assert found.positive == pytest.approx((3.6, *ends), rel=1e-6)
    error = math.sqrt(1 / 10 - 1 / 100 + 1 / 60 - 1 / 80)
    value = 0.1 / 0.75
    ends = [math.exp(math.log(value) + sign * 1.959964 * error) for sign in (-1, 1)]
    assert found.negative == pytest.approx((value, *ends), rel=1e-6)


@pytest.mark.parametrize("data", BINARY, ids=["no ties", "ties"])
def test_they_are_those_of_sensitivity_and_specificity(data):
    label, probabilities = data
    called = probabilities[:, 1] >= 0.375
    sensitivity, specificity = called[label == 1].mean(), 1 - called[label == 0].mean()
    found = metrics.likelihood_ratios(label, probabilities, threshold=0.375)
    agree(found.positive.value, sensitivity / (1 - specificity))
    agree(found.negative.value, (1 - sensitivity) / specificity)


@pytest.mark.parametrize(
    ("counts", "positive", "negative"),
    [
        ((5, 0, 3, 9), math.inf, 3 / 8),
        ((0, 2, 8, 7), 0, 9 / 7),
        ((8, 2, 0, 7), 9 / 2, 0),
        ((8, 9, 0, 0), 1, math.nan),
        ((5, 9, 3, 0), 5 / 8, math.inf),
        ((0, 0, 8, 9), math.nan, 1),
        ((8, 0, 0, 9), math.inf, 0),
    ],
)
def test_a_cell_without_rows(counts, positive, negative):
    """The value is what the formula says, and the interval holds it and has a finite end."""
    found = metrics.likelihood_ratios_of_counts(*counts)
    for interval, expected in zip(found, (positive, negative), strict=True):
        assert interval.value == pytest.approx(expected, nan_ok=True)
        if math.isnan(expected):
            assert math.isnan(interval.low)
            assert math.isnan(interval.high)
            continue
        assert interval.low <= interval.value <= interval.high
        assert math.isfinite(interval.low)
        assert interval.low < interval.high
        assert math.isfinite(interval.high) == (expected != math.inf)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    drawn = rng.binomial(60, 0.8, 2000).tolist(), rng.binomial(80, 0.25, 2000).tolist()
    counts = zip(*drawn, strict=True)
    found = [metrics.likelihood_ratios_of_counts(a, b, 60 - a, 80 - b) for a, b in counts]
    for number, truth in ((0, 0.8 / 0.25), (1, 0.2 / 0.75)):
        held = sum(pair[number].low <= truth <= pair[number].high for pair in found)
        assert 0.935 < held / 2000 < 0.97


@pytest.mark.parametrize("label", [np.ones(4, int), np.zeros(4, int)])
def test_one_class_is_refused(label):
    with pytest.raises(ValueError, match="must hold both classes"):
        metrics.likelihood_ratios(label, np.full((4, 2), 0.5))


def test_counts_of_one_class_are_refused():
    with pytest.raises(ValueError, match="must hold positive and negative cases"):
        metrics.likelihood_ratios_of_counts(5, 0, 1, 0)
