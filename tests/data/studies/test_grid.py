"""Labels from the grid of a file to an example and back: nearest, against SciPy and by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from jaxmed.data import to_grid
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.grid import from_grid, grid_of
from jaxmed.data.studies.volume import take_nearest

RNG = np.random.default_rng(0)
PATH = Path("a.nii")


def _geometry(shape, steps=(3.0, 1.5, 2.0)):
    return Geometry(shape, order=(2, 1, 0), flipped=(1,), steps=steps)


@pytest.mark.parametrize("ratios", [(0.37, 1.0, 2.3), (1.7, 0.79, 0.41), (3.1, 1.3, 1.0)])
def test_nearest_is_scipys(ratios):
    """Ratios without ties, which SciPy rounds up."""
    labels = RNG.integers(0, 5, (7, 8, 9)).astype(np.int8)
    shape = tuple(round(n / ratio) for n, ratio in zip(labels.shape, ratios, strict=True))
    offset = (np.array(labels.shape) - 1) / 2 - np.array(ratios) * (np.array(shape) - 1) / 2
    theirs = ndimage.affine_transform(labels, ratios, offset, shape, order=0, mode="nearest")
    found = take_nearest(labels, shape, ratios)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, theirs)


def test_half_way_is_the_lower_index():
    np.testing.assert_array_equal(take_nearest(np.arange(6), (3,), (2.0,)), [0, 2, 4])
    np.testing.assert_array_equal(take_nearest(np.arange(3), (6,), (0.5,)), [0, 0, 1, 1, 2, 2])


@settings(deadline=None)
@given(st.tuples(*3 * [st.integers(1, 9)]), st.tuples(*3 * [st.integers(1, 9)]))
def test_without_resampling_only_the_crop_is_lost(shape, example):
    geometry = Geometry(shape, order=(2, 1, 0), flipped=(1,), steps=(1.0, 2.0, 3.0))
    if 1 in shape or len(geometry.lengths) != 3:
        return
    labels = np.random.default_rng(0).integers(0, 3, shape).astype(np.int8)
    grid = grid_of(PATH, geometry, shape=example, spacing=geometry.spacing)
    read = from_grid(labels, grid)
    assert read.shape == example
    back = to_grid(read, grid, outside=100)
    seen = back != 100
    np.testing.assert_array_equal(back[seen], labels[seen])
    kept = [min(have, want) for have, want in zip(geometry.lengths, example, strict=True)]
    assert seen.sum() == np.prod(kept)
    assert (read >= 0).sum() == np.prod(kept)


def test_finer_examples_come_back_unchanged():
    labels = RNG.integers(0, 4, (5, 6, 7)).astype(np.int8)
    grid = grid_of(PATH, _geometry((5, 6, 7)), shape=(40, 40, 40), spacing=(0.5, 0.5, 0.7))
    read = from_grid(labels, grid)
    assert set(np.unique(read)) == {-1, 0, 1, 2, 3}
    np.testing.assert_array_equal(to_grid(read, grid), labels)
    np.testing.assert_allclose(grid.spacing, (0.5, 0.5, 0.7))
    grid = grid_of(PATH, _geometry((5, 6, 7)), shape=(14, 12, 25), spacing=None)
    np.testing.assert_array_equal(to_grid(from_grid(labels, grid), grid), labels)
    np.testing.assert_allclose(grid.spacing, (7 * 2.0 / 14, 6 * 1.5 / 12, 5 * 3.0 / 25))


def test_what_was_cropped_away_is_outside():
    geometry = Geometry((6, 4))
    grid = grid_of(PATH, geometry, shape=(6, 4), spacing=None)
    assert grid.spacing is None
    assert grid.shape == (6, 4)
    assert grid.affine is None
    assert grid.frames == ()
    cut = grid_of(PATH, Geometry((6, 4), steps=(1.0, 1.0)), shape=(2, 6), spacing=(1, 1))
    back = to_grid(np.ones((2, 6), np.uint8), cut, outside=7)
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, [[7] * 4, [7] * 4, [1] * 4, [1] * 4, [7] * 4, [7] * 4])


def test_bad_input_gets_one_sentence():
    grid = grid_of(PATH, Geometry((6, 4)), shape=(3, 3), spacing=None)
    with pytest.raises(ValueError, match=r"labels has shape \(1, 3, 3\), but must be \(3, 3\)"):
        to_grid(np.zeros((1, 3, 3)), grid)
    with pytest.raises(ValueError, match=r"labels has shape \(3, 3\), but must be \(6, 4\)"):
        from_grid(np.zeros((3, 3)), grid)
    with pytest.raises(ValueError, match=r"a\.nii: the file has no spacing in mm"):
        grid_of(PATH, Geometry((6, 4)), shape=(3, 3), spacing=(1, 1))
