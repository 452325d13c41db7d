"""Views of one image, against NumPy's edges and SciPy's interpolation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jaxmed.data import inputs, views

_random = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(7, 9, 2), (5, 6, 4, 1)])
def test_a_shifted_image_is_a_window_of_the_one_with_its_edge_repeated(shape):
    image = _random.integers(0, 256, shape, np.uint8)
    sides = len(shape) - 1
    padded = np.pad(image, [(2, 2)] * sides + [(0, 0)], mode="edge")
    windows = {}
    for start in np.ndindex(*(5,) * sides):
        at = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=False))
        windows[padded[at].tobytes()] = start
    shift = jax.jit(jax.vmap(views.edge_shift(2), (0, None)))
    moved = np.asarray(shift(jax.random.split(jax.random.key(0), 200), jnp.asarray(image)))
    starts = np.array([windows[each.tobytes()] for each in moved])
    assert moved.dtype == np.uint8
    assert starts.min(0).tolist() == [0] * sides
    assert starts.max(0).tolist() == [4] * sides


def test_a_crop_is_the_box_stretched_linearly():
    image = _random.normal(size=(10, 14, 1)).astype(np.float32)
    key = jax.random.key(3)
    found = np.asarray(views.random_resized_crop(0.5)(key, jnp.asarray(image)))[..., 0]
    size_key, place_key = jax.random.split(key)
    size = np.asarray(jax.random.uniform(size_key, (2,), minval=0.5, maxval=1.0)) * [10, 14]
    start = np.asarray(jax.random.uniform(place_key, (2,))) * ([10, 14] - size)
    assert (size < [10, 14]).all()
    grid = np.meshgrid(*(np.arange(n) for n in (10, 14)), indexing="ij")
    at = [
        s + (g + 0.5) * w / n - 0.5 for s, g, w, n in zip(start, grid, size, (10, 14), strict=True)
    ]
    expected = map_coordinates(image[..., 0].astype(float), at, order=1, mode="nearest")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_crop_of_everything_is_the_image_and_uint8_stays():
    image = _random.integers(0, 256, (6, 6, 3), np.uint8)
    same = views.random_resized_crop(1.0)(jax.random.key(0), jnp.asarray(image))
    assert same.dtype == jnp.uint8
    assert np.abs(np.asarray(same, int) - image).max() <= 1  # cut off, not rounded
    volume = views.random_resized_crop(0.5)(jax.random.key(0), jnp.ones((4, 5, 6, 1)))
    np.testing.assert_allclose(volume, 1, rtol=1e-5)


def test_standardised_images_forget_exposure_and_gain():
    image = _random.integers(20, 100, (3, 5, 6, 1), np.uint8)
    found = np.asarray(inputs.standardised_images({"image": image}))
    flat = image.reshape(3, -1).astype(float)
    expected = (flat - flat.mean(1)[:, None]) / flat.std(1)[:, None]
    np.testing.assert_allclose(found.reshape(3, -1), expected, rtol=1e-4, atol=1e-5)
    brighter = inputs.standardised_images({"image": 2 * image + 7})
    np.testing.assert_allclose(brighter, found, rtol=1e-4, atol=1e-5)
    blank = inputs.standardised_images({"image": np.full((1, 4, 4, 1), 9, np.uint8)})
    np.testing.assert_array_equal(blank, np.zeros((1, 4, 4, 1)))


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="pixels is 0"):
        views.edge_shift(0)
    with pytest.raises(ValueError, match="least is 0"):
        views.random_resized_crop(0.0)
