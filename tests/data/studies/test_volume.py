"""Volumes: orientation against nibabel, interpolation against Pillow and SciPy, grids by hand."""

import itertools

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from jaxmed.data.studies.volume import Volume, crop_or_pad, reorient, resample, resize

RNG = np.random.default_rng(0)
ORIENTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("slant", [0, 12])
def test_all_48_orientations_agree_with_nibabel(slant):
    """Nibabel's canonical arrays run to the right, front and head as [x, y, z]."""
    values = RNG.normal(size=(3, 4, 5)).astype(np.float32)
    turn = np.cos(np.radians(slant)), np.sin(np.radians(slant))
    tilt = np.array([[1, 0, 0], [0, turn[0], -turn[1]], [0, turn[1], turn[0]]])
    for order, signs in ORIENTATIONS:
        steps = tilt @ (np.eye(3)[:, order] * signs * (0.5, 0.7, 3.0))
        affine = np.eye(4)
        affine[:3, :3] = np.diag([-1, -1, 1]) @ steps
        image = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, affine))
        found = reorient(values, steps)
        theirs = np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0)
        np.testing.assert_array_equal(found.values, theirs)
        np.testing.assert_allclose(found.spacing, image.header.get_zooms()[::-1], rtol=1e-6)


def test_shear_and_missing_spacing_are_refused():
    values = np.zeros((2, 2, 2), np.float32)
    tilted = np.eye(3)
    tilted[1, 2] = np.tan(np.radians(15))
    with pytest.raises(ValueError, match=r"axes are 75\.0 degrees apart .* straighten"):
        reorient(values, tilted)
    with pytest.raises(ValueError, match="spacing is 1 x 1 x 0 mm"):
        reorient(values, np.diag([1.0, 1.0, 0.0]))


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 60), st.integers(1, 60))
def test_resizing_is_pillows(height, width, tall, wide):
    """Pillow's bilinear filter widens when it shrinks, too."""
    values = np.random.default_rng(height).normal(size=(height, width)).astype(np.float32)
    image = Image.fromarray(values).resize((wide, tall), Image.Resampling.BILINEAR)
    found = resize(Volume(values, (1.0, 2.0)), shape=(tall, wide))
    np.testing.assert_allclose(found.values, np.asarray(image), atol=2e-5)
    np.testing.assert_allclose(found.spacing, (height / tall, 2 * width / wide))


@pytest.mark.parametrize("spacing", [(1.0, 0.5, 0.5), (0.7, 0.9, 0.35), (2.0, 1.0, 0.8)])
def test_finer_spacing_is_linear_interpolation_about_the_center(spacing):
    values = RNG.normal(size=(6, 9, 11)).astype(np.float32)
    have = (2.0, 1.0, 0.8)
    found = resample(Volume(values, have), spacing=spacing)
    assert found.spacing == spacing
    assert found.values.shape == tuple(
        round(n * old / new) for n, old, new in zip(values.shape, have, spacing, strict=True)
    )
    ratio = np.divide(spacing, have)
    offset = (np.array(values.shape) - 1) / 2 - ratio * (np.array(found.values.shape) - 1) / 2
    theirs = ndimage.affine_transform(
        values, ratio, offset, found.values.shape, order=1, mode="nearest"
    )
    np.testing.assert_allclose(found.values, theirs, atol=1e-5)


def test_coarser_spacing_keeps_a_ramp_and_averages_a_pattern():
    ramp = np.broadcast_to(np.arange(64, dtype=np.float32)[:, None, None], (64, 4, 4))
    found = resample(Volume(ramp, (1.0, 1.0, 1.0)), spacing=(4.0, 1.0, 1.0)).values
    np.testing.assert_allclose(found[1:-1, 0, 0], np.arange(5.5, 60, 4), atol=1e-4)
    stripes = np.broadcast_to((np.arange(63) % 2)[:, None, None], (63, 4, 4)).astype(np.float32)
    found = resample(Volume(stripes, (1.0, 1.0, 1.0)), spacing=(3.0, 1.0, 1.0)).values
    expected = np.where(np.arange(1, 20) % 2, 4 / 9, 5 / 9)  # of weights 1 2 3 2 1, in ninths
    np.testing.assert_allclose(found[1:-1, 0, 0], expected, atol=1e-6)


def test_resampling_needs_a_spacing_and_one_number_per_axis():
    flat = Volume(np.zeros((4, 4), np.float32), None)
    with pytest.raises(ValueError, match="has no spacing in mm"):
        resample(flat, spacing=(1, 1))
    with pytest.raises(ValueError, match=r"spacing is \(1, 1, 1\), but must be 2 positive numbers"):
        resample(flat, spacing=(1, 1, 1))
    with pytest.raises(ValueError, match=r"shape is \(0, 4\), but must be 2 positive"):
        resize(flat, shape=(0, 4))


def test_grids_cut_and_fill_about_the_center():
    values = np.arange(5)
    np.testing.assert_array_equal(crop_or_pad(values, (3,)), [1, 2, 3])
    np.testing.assert_array_equal(crop_or_pad(values, (2,)), [1, 2])
    np.testing.assert_array_equal(crop_or_pad(values, (8,), fill=9), [9, 0, 1, 2, 3, 4, 9, 9])
    block = np.ones((2, 6, 3), np.uint8)
    found = crop_or_pad(block, (4, 2, 3))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[:, 0, 0], [0, 1, 1, 0])
    assert found.sum() == 2 * 2 * 3
    with pytest.raises(ValueError, match="shape is"):
        crop_or_pad(block, (4, 2))
