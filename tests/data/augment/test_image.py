"""Augmentations composed, applied by chance and over a batch."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from jaxmed.batch_axis import BATCH_AXIS
from jaxmed.data import augment

pytestmark = pytest.mark.slow  # a program is compiled for each augmentation

_random = np.random.default_rng(0)


def test_the_rows_of_a_batch_are_shifted_each_by_its_own_key():
    pictures = np.broadcast_to(_random.integers(1, 256, (1, 6, 6, 1), np.uint8), (64, 6, 6, 1))
    augmented = jax.jit(augment.per_image(augment.random_shift(1)))
    found = np.asarray(augmented(jax.random.key(0), {"image": pictures})["image"])
    assert len({row.tobytes() for row in found}) == 9
    again = np.asarray(augmented(jax.random.key(0), {"image": pictures})["image"])
    np.testing.assert_array_equal(again, found)
    other = np.asarray(augmented(jax.random.key(1), {"image": pictures})["image"])
    assert (other != found).any()


def test_a_row_is_changed_alike_in_a_batch_of_any_size():
    pictures = _random.integers(1, 256, (24, 6, 6, 1), np.uint8)
    augmented = jax.jit(augment.per_image(augment.random_shift(2)))
    whole = augmented(jax.random.key(7), {"image": pictures})["image"]
    part = augmented(jax.random.key(7), {"image": pictures[:5]})["image"]
    np.testing.assert_array_equal(whole[:5], part)


def test_jit_and_pmap_change_alike_and_leave_the_rest():
    pictures = _random.integers(1, 256, (16, 6, 6, 1), np.uint8)
    batch = {"image": pictures, "label": np.arange(16)}
    augmented = augment.per_image(augment.random_shift(2))
    expected = jax.jit(augmented)(jax.random.key(7), batch)
    np.testing.assert_array_equal(expected["label"], batch["label"])
    split = {name: column.reshape(8, 2, *column.shape[1:]) for name, column in batch.items()}
    found = jax.pmap(augmented, BATCH_AXIS, in_axes=(None, 0))(jax.random.key(7), split)
    for name, column in expected.items():
        np.testing.assert_array_equal(np.asarray(found[name]).reshape(column.shape), column)


def test_a_chain_in_floating_numbers_rounds_nowhere():
    picture = jax.numpy.asarray(_random.integers(0, 256, (12, 12, 2), np.uint8))
    change = augment.compose(augment.as_float32, augment.random_gaussian_blur(1.0))
    found = change(jax.random.key(0), picture)
    assert found.dtype == np.float32
    own = jax.random.split(jax.random.key(0), 2)[1]
    expected = augment.random_gaussian_blur(1.0)(own, picture.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_change_happens_as_often_as_asked(probability):
    change = augment.random_apply(lambda _, picture: 255 - picture, probability=probability)
    keys = jax.random.split(jax.random.key(5), 400)
    found = jax.jit(jax.vmap(change, (0, None)))(keys, np.zeros((1, 1, 1), np.uint8))
    share = (np.asarray(found) == 255).mean()
    assert abs(share - probability) <= 4 * np.sqrt(probability * (1 - probability) / 400)
