"""Gradients of formulas, whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed.explain import input_x_gradient, saliency, smooth_grad

CUBES = np.array([1.0, -2.0, 0.5], np.float32)
CUBIC = formula(lambda x: (CUBES[None] * x**3).sum(1))
X = np.array([[1.0, 0.5, -2], [-1, 2, 3], [0.1, 0, 0.2]], np.float32)
DATA = {"features": X}
SLOPES = 3 * CUBES * X**2


def test_saliency_is_the_size_of_the_derivative():
    np.testing.assert_allclose(saliency(CUBIC, DATA, target=0), abs(SLOPES), rtol=1e-6)


def test_input_x_gradient_has_the_sign_of_the_product():
    found = input_x_gradient(CUBIC, DATA, target="ill")
    np.testing.assert_allclose(found, X * SLOPES, rtol=1e-6)


def test_the_mean_gradient_of_noisy_copies():
    # The mean of 3 c (x + s e)^2 is 3 c (x^2 + s^2), with s a part of the row's range.
    draws, noise = 4000, 0.2
    width = noise * np.ptp(X, axis=1, keepdims=True)
    found = smooth_grad(CUBIC, DATA, target=1, draws=draws, noise=noise, batch_size=4096)
    deviation = abs(3 * CUBES) * np.sqrt((2 * X * width) ** 2 + 2 * width**4)
    expected = 3 * CUBES * (X**2 + width**2)
    z = (found - expected) / (deviation / np.sqrt(draws))
    assert abs(z).max() < 4
    assert abs((found - SLOPES) / (deviation / np.sqrt(draws))).max() > 8  # the noise matters


def test_noise_belongs_to_the_row_and_the_seed():
    call = {"target": 1, "draws": 7}
    found = smooth_grad(CUBIC, DATA, **call, batch_size=1)
    for batch_size in (2, 64):
        np.testing.assert_allclose(
            smooth_grad(CUBIC, DATA, **call, batch_size=batch_size), found, rtol=1e-5
        )
    assert not np.allclose(smooth_grad(CUBIC, DATA, **call, seed=1), found)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"draws": 0}, "^draws is 0"), ({"noise": 0}, "^noise is 0"), ({"seed": -1}, "^seed is -1")],
)
def test_wrong_options_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        smooth_grad(CUBIC, DATA, **change)
