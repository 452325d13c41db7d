"""Numbers are shown with what they hold, and no more than means something."""

from __future__ import annotations

import math

import pytest

from jaxmed.experiment import number_format


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98134567, "0.9813"),
        (0.85, "0.850"),
        (1.0, "1.000"),
        (0.99999, "1.0000"),
        (0.01683, "0.01683"),
        (0.001432987, "0.001433"),
        (0.0, "0.0"),
        (-0.0123456, "-0.01235"),
        (1.92, "1.92"),
        (33.849, "33.85"),
        (224.04, "224.0"),
        (36, "36"),
        (99879.4, "99,879"),
        (16650407, "16,650,407"),
        (math.nan, "-"),
        (math.inf, "inf"),
    ],
)
def test_decimals_follow_size_and_what_is_held(value, text):
    assert number_format.number(value) == text


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [
        (0.98134567, 0.00082, "0.9813 ± 0.0008"),
        (0.945, 0.0019, "0.9450 ± 0.0019"),
        (0.893, 0.01, "0.893 ± 0.010"),
        (0.9983, 0.0, "0.9983 ± 0.0000"),
        (0.9957, None, "0.9957"),
        (0.9957, math.nan, "0.9957"),
        (math.nan, 0.1, "-"),
        (1234.5, 17.25, "1,234 ± 17"),
    ],
)
def test_mean_and_deviation_have_equally_many_decimals(mean, deviation, text):
    assert number_format.with_deviation(mean, deviation) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1021.4, "1,021 s"),
        (809, "809 s"),
        (9, "9 s"),
        (9.0, "9 s"),
        (0.1, "0.1 s"),
        (2.31, "2.3 s"),
    ],
)
def test_seconds_have_their_unit(value, text):
    assert number_format.seconds(value) == text
