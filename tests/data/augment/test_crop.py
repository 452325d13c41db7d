"""Crops: one of all windows, or a box stretched as SciPy interpolates it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from jaxmed.data import augment


def test_a_crop_is_the_box_stretched_linearly():
    image = np.random.default_rng(0).normal(size=(10, 14, 1)).astype(np.float32)
    key = jax.random.key(3)
    found = np.asarray(augment.random_resized_crop(0.5)(key, jnp.asarray(image)))[..., 0]
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


@pytest.mark.parametrize("shape", [(6, 7, 3), (4, 5, 6, 1)])
def test_a_crop_of_everything_is_the_image_bit_for_bit(shape):
    every = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    for image in (jnp.asarray(every), jnp.float32(every) / 7 - 11):
        same = jax.jit(augment.random_resized_crop(1.0))(jax.random.key(0), image)
        assert same.dtype == image.dtype
        np.testing.assert_array_equal(same, image)


def test_a_crop_of_bytes_is_that_of_floats_rounded():
    image = np.random.default_rng(2).integers(0, 256, (6, 7, 3), np.uint8)
    crop = jax.jit(augment.random_resized_crop(0.3))
    for number in range(5):
        key = jax.random.key(number)
        stretched = np.asarray(crop(key, jnp.float32(image)))
        assert (stretched % 1 != 0).mean() > 0.5
        np.testing.assert_array_equal(crop(key, jnp.asarray(image)), np.rint(stretched))


def test_a_crop_of_one_value_has_it_everywhere():
    volume = augment.random_resized_crop(0.5)(jax.random.key(0), jnp.ones((4, 5, 6, 1)))
    np.testing.assert_allclose(volume, 1, rtol=1e-5)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="min_side is 0"):
        augment.random_resized_crop(0.0)


@pytest.mark.parametrize(("shape", "size"), [((5, 6, 1), (4, 3)), ((3, 4, 5, 1), (2, 4, 5))])
def test_a_crop_is_one_of_all_windows_and_every_one_occurs(shape, size):
    picture = np.random.default_rng(0).integers(1, 256, shape, np.uint8)
    padded = np.pad(picture, [(1, 1)] * len(size) + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (*size, 1)).reshape(-1, *size, 1)
    possible = {window.tobytes() for window in windows}
    keys = jax.random.split(jax.random.key(5), 600)
    crop = augment.random_crop(size, padding=1)
    found = np.asarray(jax.jit(jax.vmap(crop, (0, None)))(keys, picture))
    assert {each.tobytes() for each in found} == possible
