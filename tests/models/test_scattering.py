"""Scattering features: beside sums over all pixels, and what they do not change under."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import models

SCALES, ANGLES = 2, 4
IMAGE = jnp.asarray(np.random.default_rng(0).random((2, 8, 12, 2), np.float32))


@pytest.fixture(scope="module")
def found():
    transform = jax.jit(lambda x: models.scattering(x, scales=SCALES, angles=ANGLES))
    return np.asarray(transform(IMAGE))


def bell(y, x, deviation, turn=0.0, slant=1.0):
    along = np.cos(turn) * x + np.sin(turn) * y
    across = np.cos(turn) * y - np.sin(turn) * x
    return np.exp(-(along**2 + (slant * across) ** 2) / (2 * deviation**2)), along


def kernel(shape, scale, number):
    """A wavelet, or the Gaussian, on a circle of `shape`, sampled copy by copy."""
    turn, slant, deviation = np.pi * number / ANGLES, 4 / ANGLES, 0.8 * 2**scale
    y, x = np.meshgrid(*(np.arange(-3 * n, 4 * n) for n in shape), indexing="ij")
    envelope, along = bell(y, x, deviation, turn, slant)
    wave = envelope * np.exp(1j * 0.75 * np.pi / 2**scale * along)
    psi = (wave - envelope * wave.sum() / envelope.sum()) * slant / (2 * np.pi * deviation**2)
    phi = bell(y, x, 0.8 * 2 ** (SCALES - 1))[0]
    return around(psi, shape), around(phi / phi.sum(), shape)


def around(wide, shape):
    height, width = shape
    return wide.reshape(7, height, 7, width).sum((0, 2))


def convolved(x, kernel, step=1):
    """Sums over all pixels of a circle, at every `step`-th pixel."""
    height, width = x.shape
    return np.array(
        [
            [
                sum(
                    x[a, b] * kernel[(row - a) % height, (column - b) % width]
                    for a in range(height)
                    for b in range(width)
                )
                for column in range(0, width, step)
            ]
            for row in range(0, height, step)
        ]
    )


def means(x, shape, scale):
    """x * phi, where x is sampled at every 2^scale-th pixel: the rows without margins."""
    phi = kernel(shape, 0, 0)[1]
    sparse = np.zeros(shape)
    sparse[:: 2**scale, :: 2**scale] = x * 4**scale
    return convolved(sparse, phi, 2**SCALES)[1:-1, 1:-1]


def test_it_equals_sums_over_all_pixels(found):
    paths = 1 + SCALES * ANGLES + ANGLES**2
    assert found.shape == (2, 2, 3, 2 * paths)
    x = np.pad(np.asarray(IMAGE[0, :, :, 1], float), 4, mode="reflect")
    fine = np.abs(convolved(x, kernel(x.shape, 0, 1)[0]))
    coarse = np.abs(convolved(x, kernel(x.shape, 1, 3)[0], 2))
    both = np.abs(convolved(fine, kernel(x.shape, 1, 2)[0], 2))
    expected = {
        0: means(x, x.shape, 0),
        1 + 1: means(fine, x.shape, 0),
        1 + ANGLES + 3: means(coarse, x.shape, 1),
        1 + 2 * ANGLES + ANGLES * 1 + 2: means(both, x.shape, 1),
    }
    for path, value in expected.items():
        np.testing.assert_allclose(found[0, :, :, paths + path], value, rtol=1e-3, atol=1e-5)


def test_an_image_of_one_gray_level_has_no_waves():
    found = np.asarray(models.scattering(jnp.full((1, 8, 8, 1), 0.7)))
    np.testing.assert_allclose(found[..., 0], 0.7, rtol=1e-5)
    np.testing.assert_allclose(found[..., 1:], 0, atol=1e-6)


def test_lower_orders_are_the_first_paths(found):
    for order, paths in ((0, 1), (1, 1 + SCALES * ANGLES)):
        fewer = np.asarray(models.scattering(IMAGE, scales=SCALES, angles=ANGLES, order=order))
        np.testing.assert_allclose(fewer[..., :paths], found[..., :paths], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 9, 8, 1), (1, 8, 4, 1)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(ValueError, match=r"height|width"):
        models.scattering(jnp.zeros(shape))
