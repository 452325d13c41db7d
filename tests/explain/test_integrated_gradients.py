"""Integrals along a line, known in closed form or added up by NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from explain.by_hand import formula

from jaxmed.explain import expected_gradients, integrated_gradients
from jaxmed.tasks import Model

CUBES = np.array([1.0, -2.0, 0.5], np.float32)


def score(x):
    return (CUBES[None] * x**3).sum(1) + x[:, 0] * x[:, 1]


MODEL = formula(score)
X = np.array([[1.0, 0.5, -2], [-1, 2, 3], [0.1, 0, 0.2]], np.float32)
DATA = {"features": X}
PRODUCT = X[:, :1] * X[:, 1:2] * np.array([0.5, 0.5, 0], np.float32)  # half for each factor


@pytest.mark.parametrize("batch_size", [1, 3, 50])
def test_midpoints_of_a_cubic(batch_size):
    # The mean of a^2 over n midpoints is 1/3 - 1 / (12 n^2), where the integral is 1/3.
    steps = 5
    share = 1 - 1 / (4 * steps**2)
    found = integrated_gradients(MODEL, DATA, target=1, steps=steps, batch_size=batch_size)
    np.testing.assert_allclose(found, share * CUBES * X**3 + PRODUCT, rtol=1e-5, atol=1e-6)


def test_two_points_of_gauss_and_legendre_are_exact_for_a_cubic():
    found = integrated_gradients(MODEL, DATA, target=1, steps=2, rule="gauss_legendre")
    np.testing.assert_allclose(found, CUBES * X**3 + PRODUCT, rtol=1e-5, atol=1e-6)


def test_the_sum_is_the_difference_from_the_baseline():
    one, per_row = X[1] / 3, X[::-1] * 0.7
    for baseline in (one, per_row):
        found = integrated_gradients(
            MODEL, DATA, target=1, baseline=baseline, rule="gauss_legendre", steps=3
        )
        from_there = score(np.broadcast_to(baseline, X.shape))
        np.testing.assert_allclose(found.sum(1), score(X) - from_there, rtol=1e-4, atol=1e-5)
    number = integrated_gradients(MODEL, DATA, target=1, baseline=0.5, steps=2)
    whole = integrated_gradients(MODEL, DATA, target=1, baseline=np.full((3, 3), 0.5), steps=2)
    np.testing.assert_array_equal(number, whole)


def test_expected_gradients_of_one_background_row_are_integrated_gradients():
    background = {"features": X[2:]}
    found = expected_gradients(MODEL, DATA, background, target=1, draws=1000, batch_size=4096)
    exact = integrated_gradients(
        MODEL, DATA, target=1, baseline=X[2], rule="gauss_legendre", steps=3
    )
    # One draw in each part of the line: the error falls with draws^-1.5.
    np.testing.assert_allclose(found, exact, atol=2e-3)


def test_expected_gradients_are_the_mean_over_the_background():
    background = {"features": np.array([[0.0, 0, 0], [1, -1, 2], [0.5, 2, 1]], np.float32)}
    each = [
        integrated_gradients(MODEL, DATA, target=1, baseline=b, rule="gauss_legendre", steps=3)
        for b in background["features"]
    ]
    draws = 6000
    found = expected_gradients(MODEL, DATA, background, target=1, draws=draws, batch_size=8192)
    error = 1 + np.max([np.abs(one).max() for one in each])
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=4 * error / np.sqrt(draws))
    again = expected_gradients(MODEL, DATA, background, target=1, draws=draws, batch_size=1000)
    np.testing.assert_allclose(found, again, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("background", "words"),
    [
        ({"features": X[:0]}, "^background is empty"),
        ({"features": X[:, :2]}, r"^background has features of shape \(2,\), but data of \(3,\)"),
    ],
)
def test_a_wrong_background_is_refused(background, words):
    with pytest.raises(ValueError, match=words):
        expected_gradients(MODEL, DATA, background)


def test_a_background_of_other_columns_is_refused():
    example, state = EXAMPLES["binary"], begun("binary")
    model = Model(example.task, state.params, state.model_state)
    with pytest.raises(
        ValueError, match=r"^background is not data that the model reads .*features"
    ):
        expected_gradients(model, dict(example.columns), {"image": X})
