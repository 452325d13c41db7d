"""Changes of brightness, contrast, gamma, noise and sharpness, against NumPy and scipy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from jaxmed.data import augment

_random = np.random.default_rng(0)
RAMP = np.linspace(100, 150, 48).reshape(4, 6, 2).astype(np.float32)
KEYS = jax.random.split(jax.random.key(0), 400)


def many(change, picture):
    return np.asarray(jax.vmap(change, (0, None))(KEYS, jnp.asarray(picture)), float)


def test_brightness_adds_one_number_to_all():
    added = many(augment.random_brightness(0.2), RAMP) - RAMP
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-4
    offsets = added[:, 0, 0, 0]
    assert 0.98 * 51 < abs(offsets).max() <= 51 + 1e-4
    assert stats.kstest(offsets, stats.uniform(-51, 102).cdf).pvalue > 1e-3


def test_contrast_scales_the_distance_from_the_mean_of_each_channel():
    picture = RAMP + np.array([0, 80], np.float32)
    found = many(augment.random_contrast(0.3), picture)
    mean = picture.mean((0, 1))
    factors = (found - mean) / (picture - mean)
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 1e-3
    assert stats.kstest(factors[:, 0, 0, 0], stats.uniform(0.7, 0.6).cdf).pvalue > 1e-3


def test_gamma_is_a_power_that_leaves_black_and_white():
    found = many(augment.random_gamma(1.0), RAMP)
    exponents = np.log(found / 255) / np.log(RAMP / 255)
    assert np.ptp(exponents, axis=(1, 2, 3)).max() < 1e-4
    uniform = stats.uniform(-np.log(2), 2 * np.log(2))
    assert stats.kstest(np.log(exponents[:, 0, 0, 0]), uniform.cdf).pvalue > 1e-3
    ends = np.array([0, 255], np.float32).reshape(1, 1, 2)
    np.testing.assert_allclose(many(augment.random_gamma(3.0), ends), np.stack([ends] * 400))


def test_noise_is_gaussian_with_a_deviation_of_its_own_in_each_image():
    grey = np.full((12, 12, 3), 127, np.float32)
    added = (many(augment.random_gaussian_noise(0.05), grey) - grey).reshape(400, -1)
    deviations = added.std(1)
    assert 0.95 * 12.75 < deviations.max() < 1.2 * 12.75
    assert stats.kstest(deviations, stats.uniform(0, 12.75).cdf).pvalue > 1e-3
    standard = (added / deviations[:, None])[deviations > 1]
    assert stats.kstest(standard.ravel(), "norm").pvalue > 1e-3
    neighbours = np.corrcoef(standard[:, :-1].ravel(), standard[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(standard.size)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(9, 14, 2), (6, 5, 9, 1)])
def test_blurring_is_scipys_gaussian_inside_the_image(shape, sigma):
    picture = _random.uniform(0, 255, shape)
    sigmas = (*[sigma] * (len(shape) - 1), 0)
    options = {"mode": "constant", "truncate": 15}
    expected = ndimage.gaussian_filter(picture, sigmas, **options)
    expected /= ndimage.gaussian_filter(np.ones(shape), sigmas, **options)
    found = augment.gaussian_blur(jnp.asarray(picture, jnp.float32), sigma)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    traced = jax.jit(augment.gaussian_blur)(jnp.asarray(picture, jnp.float32), jnp.float32(sigma))
    np.testing.assert_allclose(traced, expected, rtol=1e-5)


def test_away_from_the_edge_blurring_is_scipys_whatever_the_edge():
    dot = np.zeros((31, 31, 1), np.float32)
    dot[15, 15] = 255
    expected = ndimage.gaussian_filter(dot, (1.5, 1.5, 0))
    np.testing.assert_allclose(augment.gaussian_blur(jnp.asarray(dot), 1.5), expected, atol=0.01)


def test_widths_of_the_blur_are_uniform():
    line = np.zeros((1, 41, 1), np.float32)
    line[0, 20] = 255
    found = many(augment.random_gaussian_blur(2.5), line)[:, 0, :, 0] / 255
    variances = found @ (np.arange(41) - 20.0) ** 2
    # A Gaussian read at whole pixels has the variance of the continuous one above half a pixel.
    wide = np.sqrt(variances[variances > 0.5**2])
    assert stats.kstest(wide, stats.uniform(0.5, 2.0).cdf).pvalue > 1e-3
    assert wide.max() <= 2.5 + 1e-3
