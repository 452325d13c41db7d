"""Images resampled, against scipy.ndimage: interpolation, rotation, translation, zoom, bending."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxmed.data import augment

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)
PICTURE = _random.integers(0, 256, (9, 12, 2)).astype(np.float32)
VOLUME = _random.integers(0, 256, (5, 9, 7, 1)).astype(np.float32)
BOTH = pytest.mark.parametrize("picture", [PICTURE, VOLUME], ids=["image", "volume"])


def centered(shape):
    """Coordinates of all pixels from the center, [sides, *space] float64."""
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"))
    center = (np.array(shape) - 1) / 2
    return grid - center.reshape(-1, *[1] * len(shape))


def scipys(picture, coordinates, fill=0):
    """The picture read at coordinates from its center, by scipy."""
    shape = picture.shape[:-1]
    places = coordinates + ((np.array(shape) - 1) / 2).reshape(-1, *[1] * len(shape))
    channels = [
        ndimage.map_coordinates(
            picture[..., channel], places, order=1, mode="grid-constant", cval=fill
        )
        for channel in range(picture.shape[-1])
    ]
    return np.stack(channels, -1)


def warp_of(warp, key, shape):
    return np.asarray(warp(key, jax.numpy.asarray(centered(shape), np.float32)))


@BOTH
@pytest.mark.parametrize("fill", [0, -1000])
def test_reading_between_pixels_is_scipys(picture, fill):
    shape = picture.shape[:-1]
    field = centered(shape) + _random.normal(0, 2, (len(shape), *shape))  # some of it outside
    found = augment.interpolate(
        jax.numpy.asarray(picture), jax.numpy.asarray(field, np.float32), fill=fill
    )
    np.testing.assert_allclose(found, scipys(picture, field, fill), atol=0.01)
    assert (np.asarray(found) == fill).any()


@pytest.mark.parametrize("plane", [(-3, -2), (-4, -2)])
def test_a_rotation_is_scipys_in_its_plane(plane):
    side = VOLUME[:, :5, :5]  # of equal sides
    change = augment.random_warp(augment.rotation(60, plane=plane))
    key = jax.random.key(2)
    own = jax.random.split(key, 1)[0]
    warped = warp_of(augment.rotation(60, plane=plane), own, side.shape[:-1])
    # The angle it drew, read from where the ends of one axis went.
    first, second = (axis + 1 for axis in plane)
    before = centered(side.shape[:-1])
    corner = (-1,) * 3
    angle = np.arctan2(warped[second][corner], warped[first][corner])
    angle -= np.arctan2(before[second][corner], before[first][corner])
    assert 0.05 < abs(angle) < np.deg2rad(60)
    matrix = np.eye(4)
    rows = np.ix_([first + 3, second + 3], [first + 3, second + 3])  # axes of the image, from 0
    matrix[rows] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    center = (np.array(side.shape) - 1) / 2
    expected = ndimage.affine_transform(
        side, matrix, center - matrix @ center, order=1, mode="grid-constant"
    )
    found = np.asarray(change(key, jax.numpy.asarray(side)))
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("degrees", [0, 10, 180])
def test_angles_are_uniform_within_their_range(degrees):
    keys = jax.random.split(jax.random.key(0), 500)
    point = jax.numpy.array([[[1.0]], [[0.0]]])
    found = np.asarray(jax.vmap(augment.rotation(degrees), (0, None))(keys, point))
    np.testing.assert_allclose(np.hypot(found[:, 0], found[:, 1]), 1, rtol=1e-6)
    angles = np.rad2deg(np.arctan2(found[:, 1], found[:, 0])).ravel()
    assert abs(angles).max() <= degrees + 1e-3
    assert abs(angles).max() >= 0.98 * degrees
    assert abs(angles.mean()) <= 4 * degrees / np.sqrt(3 * 500)


@BOTH
def test_a_translation_moves_each_side_by_its_own_share(picture):
    shape = picture.shape[:-1]
    keys = jax.random.split(jax.random.key(1), 300)
    before = centered(shape)
    after = np.asarray(
        jax.vmap(augment.translation(0.3), (0, None))(keys, jax.numpy.asarray(before, np.float32))
    )
    moves = (before[None] - after).reshape(300, len(shape), -1)
    np.testing.assert_allclose(moves.min(-1), moves.max(-1), atol=1e-5)  # of the image as a whole
    largest = abs(moves).max((0, 2))
    assert (largest <= 0.3 * np.array(shape) + 1e-5).all()
    assert (largest >= 0.28 * np.array(shape)).all()
    assert (abs(np.corrcoef(moves[..., 0].T)) - np.eye(len(shape)) < 0.25).all()
    # A positive move goes to larger coordinates, as scipy's does.
    change = augment.random_warp(augment.translation(0.3))
    own = jax.random.split(keys[0], 1)[0]
    move = (before - warp_of(augment.translation(0.3), own, shape))[
        (slice(None), *(0,) * len(shape))
    ]
    expected = ndimage.shift(picture, (*move, 0), order=1, mode="grid-constant")
    np.testing.assert_allclose(change(keys[0], jax.numpy.asarray(picture)), expected, atol=0.01)


@BOTH
def test_zooming_is_scipys_affine_transform(picture):
    shape = picture.shape[:-1]
    key = jax.random.key(4)
    own = jax.random.split(key, 1)[0]
    factors = warp_of(augment.scaling(0.5), own, shape) / np.where(
        centered(shape) == 0, np.nan, centered(shape)
    )
    factor = np.nanmean(factors)
    assert np.nanstd(factors) < 1e-6
    assert abs(factor - 1) > 0.02
    center = (np.array(picture.shape) - 1) / 2
    matrix = np.diag([factor] * len(shape) + [1])
    expected = ndimage.affine_transform(
        picture, matrix, center - matrix @ center, order=1, mode="grid-constant"
    )
    found = augment.random_warp(augment.scaling(0.5))(key, jax.numpy.asarray(picture))
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_zooms_in_and_out_are_equally_likely():
    keys = jax.random.split(jax.random.key(0), 500)
    point = jax.numpy.ones((1, 1))
    factors = np.asarray(jax.vmap(augment.scaling(1.0), (0, None))(keys, point)).ravel()
    assert 0.5 <= factors.min() < 0.51
    assert 1.98 < factors.max() <= 2.0
    assert abs((factors > 1).mean() - 0.5) < 4 * 0.5 / np.sqrt(500)


@BOTH
def test_elastic_moves_are_smoothed_noise(picture):
    """The field is linear in alpha, and sigma smooths it as scipy's Gaussian does."""
    shape = picture.shape[:-1]
    key = jax.random.key(5)
    # So narrow that no neighbour has weight: the noise itself.
    noise = warp_of(augment.elastic(1, sigma=1e-3), key, shape) - centered(shape)
    assert -1 <= noise.min() < -0.9
    assert 0.9 < noise.max() <= 1
    assert abs(noise.mean()) < 4 / np.sqrt(3 * noise.size)
    assert abs(noise.var() - 1 / 3) < 0.05
    found = warp_of(augment.elastic(30, sigma=1.5), key, shape) - centered(shape)
    one = np.ones(shape)
    within = ndimage.gaussian_filter(one, 1.5, mode="constant", truncate=12)
    for side, moves in zip(noise, found, strict=True):
        smooth = ndimage.gaussian_filter(side.astype(float), 1.5, mode="constant", truncate=12)
        np.testing.assert_allclose(moves, 30 * smooth / within, atol=1e-3)


def test_elastic_moves_have_the_deviation_that_is_promised():
    keys = jax.random.split(jax.random.key(0), 30)
    flat = jax.numpy.zeros((2, 48, 48))
    moves = np.asarray(jax.vmap(augment.elastic(34, sigma=4), (0, None))(keys, flat))
    inner = moves[..., 16:32, 16:32]
    assert abs(inner.std() - 34 / (6.1 * 4)) < 0.1


@BOTH
def test_an_elastic_image_is_read_where_its_field_says(picture):
    shape, key = picture.shape[:-1], jax.random.key(6)
    field = warp_of(augment.elastic(20, sigma=1), jax.random.split(key, 1)[0], shape)
    found = augment.random_warp(augment.elastic(20, sigma=1))(key, jax.numpy.asarray(picture))
    np.testing.assert_allclose(found, scipys(picture, field.astype(float)), atol=0.02)
    assert abs(found - picture).max() > 50


def test_the_first_warp_happens_to_the_image_first():
    """A corner pixel that is moved and then turned by half ends where the two moves say."""

    def moved(key, coordinates):
        return coordinates - jax.numpy.array([1.0, 0.0]).reshape(2, 1, 1)

    def turned(key, coordinates):
        return -coordinates

    dot = np.zeros((5, 5, 1), np.uint8)
    dot[1, 2] = 255
    key = jax.random.key(0)
    down_then_turned = augment.random_warp(moved, turned)(key, jax.numpy.asarray(dot))
    assert np.argwhere(np.asarray(down_then_turned)).tolist() == [[2, 2, 0]]
    turned_then_down = augment.random_warp(turned, moved)(key, jax.numpy.asarray(dot))
    assert np.argwhere(np.asarray(turned_then_down)).tolist() == [[4, 2, 0]]
