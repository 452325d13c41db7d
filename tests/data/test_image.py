"""Random changes of images, against every shift that NumPy can make."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.data import image

_random = np.random.default_rng(0)


def rolled(picture, moves):
    """Move the picture and let zeros come in where it left."""
    found = picture
    for axis, move in enumerate(moves):
        found = np.roll(found, move, axis)
        edge = [slice(None)] * picture.ndim
        edge[axis] = slice(0, move) if move > 0 else slice(picture.shape[axis] + move, None)
        if move:
            found = found.copy()
            found[tuple(edge)] = 0
    return found


@pytest.mark.parametrize(
    ("shape", "pixels", "draws"), [((5, 6, 2), 2, 400), ((4, 3, 5, 1), 1, 400)]
)
def test_a_shift_is_one_of_all_shifts_and_every_one_occurs(shape, pixels, draws):
    picture = _random.integers(1, 256, shape, np.uint8)  # without zeros
    moves = list(itertools.product(range(-pixels, pixels + 1), repeat=len(shape) - 1))
    possible = {rolled(picture, move).tobytes(): move for move in moves}
    assert len(possible) == len(moves)
    keys = jax.random.split(jax.random.key(0), draws)
    shift = image.random_shift(pixels)
    found = np.asarray(jax.jit(jax.vmap(shift, (0, None)))(keys, picture))
    assert found.dtype == np.uint8
    assert found.shape == (draws, *shape)
    seen = [possible[each.tobytes()] for each in found]  # fails for anything else
    assert set(seen) == set(moves)
    assert (0,) * (len(shape) - 1) in seen
    counts = np.bincount([moves.index(move) for move in seen], minlength=len(moves))
    fair = draws / len(moves)
    assert abs(counts - fair).max() < 5 * np.sqrt(fair)


def test_the_rows_of_a_batch_are_shifted_each_by_its_own_key():
    pictures = np.broadcast_to(_random.integers(1, 256, (1, 6, 6, 1), np.uint8), (64, 6, 6, 1))
    augment = jax.jit(image.each_image(image.random_shift(1)))
    found = np.asarray(augment(jax.random.key(0), {"image": pictures})["image"])
    assert len({row.tobytes() for row in found}) == 9
    again = np.asarray(augment(jax.random.key(0), {"image": pictures})["image"])
    np.testing.assert_array_equal(again, found)
    other = np.asarray(augment(jax.random.key(1), {"image": pictures})["image"])
    assert (other != found).any()


def test_a_row_is_changed_alike_in_a_batch_of_any_size():
    pictures = _random.integers(1, 256, (24, 6, 6, 1), np.uint8)
    augment = jax.jit(image.each_image(image.random_shift(2)))
    whole = augment(jax.random.key(7), {"image": pictures})["image"]
    part = augment(jax.random.key(7), {"image": pictures[:5]})["image"]
    np.testing.assert_array_equal(whole[:5], part)


def test_jit_and_pmap_change_alike_and_leave_the_rest():
    pictures = _random.integers(1, 256, (16, 6, 6, 1), np.uint8)
    batch = {"image": pictures, "label": np.arange(16)}
    augment = image.each_image(image.random_shift(2))
    expected = jax.jit(augment)(jax.random.key(7), batch)
    np.testing.assert_array_equal(expected["label"], batch["label"])
    split = {name: column.reshape(8, 2, *column.shape[1:]) for name, column in batch.items()}
    found = jax.pmap(augment, BATCH_AXIS, in_axes=(None, 0))(jax.random.key(7), split)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]).reshape(column.shape), column)


def test_a_shift_of_nothing_is_refused():
    with pytest.raises(ValueError, match="pixels is 0, but must be greater than 0"):
        image.random_shift(0)
