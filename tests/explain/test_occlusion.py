"""Occlusion against windows that NumPy moves over the rows."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed.explain import occlusion

_random = np.random.default_rng(0)


def score(x):
    axes = tuple(range(1, x.ndim))
    return (x**2).sum(axes) + (x * abs(x)).sum(axes) * x.reshape(len(x), -1)[:, 0]


def by_hand(x, window, stride, baseline):
    """The mean fall over all windows that cover a number."""
    space = x.shape[1:-1]
    starts = [
        sorted({*range(0, side - w + 1, s), side - w})
        for side, w, s in zip(space, window, stride, strict=True)
    ]
    total, times = np.zeros(x.shape), np.zeros(x.shape)
    for first in itertools.product(*starts):
        part = (slice(None), *(slice(f, f + w) for f, w in zip(first, window, strict=True)))
        covered = x.copy()
        covered[part] = np.broadcast_to(baseline, x.shape)[part]
        fall = np.asarray(score(x)) - np.asarray(score(covered))
        total[part] += fall.reshape(-1, *(1,) * (x.ndim - 1))
        times[part] += 1
    assert times.min() >= 1
    return total / times


@pytest.mark.parametrize(
    ("space", "window", "stride"),
    [((7,), (3,), (2,)), ((5, 4), (2, 3), (2, 1)), ((3, 4, 2), (2, 2, 1), (1, 2, 1))],
)
def test_windows_are_moved_in_any_number_of_dimensions(space, window, stride):
    x = _random.normal(size=(3, *space, 2)).astype(np.float32)
    baseline = _random.normal(size=(*space, 2)).astype(np.float32)
    model = formula(score, column="image")
    found = occlusion(
        model, {"image": x}, target=1, window=window, stride=stride, baseline=baseline, batch_size=8
    )
    np.testing.assert_allclose(found, by_hand(x, window, stride, baseline), rtol=1e-4, atol=1e-4)


def test_columns_are_covered_one_by_one():
    slopes = np.array([1.0, -2, 3], np.float32)
    x = np.array([[1.0, 1, 1], [-1, 2, -1]], np.float32)
    model = formula(lambda x: x @ slopes)
    found = occlusion(model, {"features": x}, target=[1, 0], baseline=x[::-1])
    expected = (x - x[::-1]) * slopes * np.array([[1], [-1]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"window": 6}, r"^window is \(6, 6\), but must be at most \(5, 4\), the sides"),
        ({"window": 0}, "^window is 0, but must be at least 1"),
        ({"window": (2, 2, 2)}, r"^window is \(2, 2, 2\), but must be one number, or one for each"),
        ({"window": 2, "stride": 3}, r"^stride is \(3, 3\), but must be at most \(2, 2\), the win"),
        ({"baseline": np.zeros(3)}, r"^baseline has shape \(3,\)"),
    ],
)
def test_wrong_windows_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        occlusion(formula(score, column="image"), {"image": np.zeros((1, 5, 4, 2))}, **change)


def test_more_windows_than_anyone_waits_for_are_refused():
    rows = {"image": np.zeros((1, 400, 400, 1), np.float32)}
    with pytest.raises(ValueError, match=r"^stride is \(1, 1\), which makes 123,904 windows"):
        occlusion(formula(score, column="image"), rows, stride=1, window=49)
