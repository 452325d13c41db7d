"""Shifts, flips and quarter turns: one of all that NumPy makes, and equally likely."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from jaxmed.data import augment

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

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
    shift = augment.random_shift(pixels)
    found = np.asarray(jax.jit(jax.vmap(shift, (0, None)))(keys, picture))
    assert found.dtype == np.uint8
    assert found.shape == (draws, *shape)
    seen = [possible[each.tobytes()] for each in found]  # fails for anything else
    assert set(seen) == set(moves)
    assert (0,) * (len(shape) - 1) in seen
    counts = np.bincount([moves.index(move) for move in seen], minlength=len(moves))
    fair = draws / len(moves)
    assert abs(counts - fair).max() < 5 * np.sqrt(fair)


@pytest.mark.parametrize("shape", [(7, 9, 2), (5, 6, 4, 1)])
def test_without_a_fill_a_shifted_image_is_a_window_of_the_one_with_its_edge_repeated(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    sides = len(shape) - 1
    padded = np.pad(picture, [(2, 2)] * sides + [(0, 0)], mode="edge")
    windows = {}
    for start in np.ndindex(*(5,) * sides):
        at = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=False))
        windows[padded[at].tobytes()] = start
    shift = jax.jit(jax.vmap(augment.random_shift(2, fill=None), (0, None)))
    moved = np.asarray(shift(jax.random.split(jax.random.key(0), 200), picture))
    starts = np.array([windows[each.tobytes()] for each in moved])  # fails for anything else
    assert moved.dtype == np.uint8
    assert starts.min(0).tolist() == [0] * sides
    assert starts.max(0).tolist() == [4] * sides


def poses(change, picture, draws=200):
    keys = jax.random.split(jax.random.key(5), draws)
    found = np.asarray(jax.jit(jax.vmap(change, (0, None)))(keys, picture))
    return [pose.tobytes() for pose in found]


@pytest.mark.parametrize(
    ("change", "shape", "expected"),
    [
        (augment.random_flip(), (4, 5, 1), [lambda x: x, np.fliplr]),
        (augment.random_flip((-3,)), (4, 5, 1), [lambda x: x, np.flipud]),
        (
            augment.random_flip((-2, -4)),
            (3, 4, 5, 1),
            [lambda x: x, lambda x: x[::-1], lambda x: x[:, :, ::-1], lambda x: x[::-1, :, ::-1]],
        ),
        (
            augment.random_rot90(),
            (4, 4, 1),
            [lambda x, k=k: np.rot90(x, k) for k in range(4)],
        ),
        (
            augment.random_rot90(),
            (3, 4, 4, 1),
            [lambda x, k=k: np.rot90(x, k, (1, 2)) for k in range(4)],
        ),
    ],
)
def test_poses_are_those_of_numpy_and_equally_likely(change, shape, expected):
    picture = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    possible = [np.ascontiguousarray(pose(picture)).tobytes() for pose in expected]
    found = poses(change, picture)
    assert set(found) == set(possible)
    fair = 200 / len(possible)
    assert all(abs(found.count(pose) - fair) < 5 * np.sqrt(fair) for pose in possible)
