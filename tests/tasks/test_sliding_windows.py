"""Where windows lie and what they count for, by the definition of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.tasks.sliding_windows import windows_along


@settings(deadline=None, max_examples=200)
@given(
    st.integers(1, 40),
    st.integers(0, 90),
    st.floats(0, 0.99),
    st.sampled_from(["gaussian", "uniform"]),
)
def test_every_place_is_covered_and_its_shares_add_up_to_one(window, more, overlap, weights):
    length = window + more
    starts, shares = windows_along(length, window, overlap=overlap, weights=weights)
    assert starts[0] == 0
    assert starts[-1] == length - window
    step = max(1, round(window * (1 - overlap)))
    assert (np.diff(starts) >= 1).all()
    assert (np.diff(starts) <= step).all()
    if len(starts) > 1:  # one fewer would leave larger steps
        assert (len(starts) - 2) * step < length - window
    total = np.zeros(length)
    for start, share in zip(starts, shares, strict=True):
        total[start : start + window] += share
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert (shares > 0).all()


def test_gaussian_shares_by_hand():
    """Two windows of 8 in 12 places, each with a deviation of one place about its center."""
    starts, shares = windows_along(12, 8, overlap=0.5, weights="gaussian")
    np.testing.assert_array_equal(starts, [0, 4])
    factor = [np.exp(-((i - 3.5) ** 2) / 2) for i in range(8)]
    expected = [1, 1, 1, 1] + [factor[i] / (factor[i] + factor[i - 4]) for i in range(4, 8)]
    np.testing.assert_allclose(shares[0], expected, rtol=1e-6)
    np.testing.assert_allclose(shares[1], expected[::-1], rtol=1e-6)


@pytest.mark.parametrize(
    ("overlap", "starts"),
    [(0.0, [0, 4, 8]), (0.25, [0, 3, 5, 8]), (0.5, [0, 2, 4, 6, 8]), (0.99, list(range(9)))],
)
def test_windows_are_evenly_spread(overlap, starts):
    found = windows_along(12, 4, overlap=overlap, weights="uniform").starts
    np.testing.assert_array_equal(found, starts)
