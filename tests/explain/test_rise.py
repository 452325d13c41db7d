"""RISE of linear scores, where the expectation over masks is known."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed.explain import rise
from jaxmed.explain.rise import _mask

SLOPES = np.array([1.0, -2.0, 3.0, 0.5], np.float32)
LINEAR = formula(lambda x: x @ SLOPES)
X = np.array([[1.0, 1, 1, -2], [-1, 2, -1, 0]], np.float32)


def test_columns_have_their_expectation():
    # With independent masks of mean p: w_i x_i + p * (sum over the others of w_j x_j).
    masks, shown = 20_000, 0.3
    found = rise(LINEAR, {"features": X}, target=1, masks=masks, shown=shown, batch_size=4096)
    parts = X * SLOPES
    expected = parts + shown * (parts.sum(1, keepdims=True) - parts)
    most = abs(parts).sum(1, keepdims=True) / shown / np.sqrt(masks)
    assert (abs(found - expected) < 3 * most).all()
    same = rise(LINEAR, {"features": X}, target=1, masks=masks, shown=shown, batch_size=3000)
    np.testing.assert_allclose(same, found, rtol=1e-4, atol=1e-4)


def test_what_is_hidden_is_the_baseline():
    # Where the row equals the baseline, masks change nothing.
    found = rise(LINEAR, {"features": X}, target=1, masks=64, baseline=X)
    score = (X * SLOPES).sum(1, keepdims=True)
    shown = found / score
    np.testing.assert_allclose(shown, np.broadcast_to(shown[:1], shown.shape), rtol=1e-5)
    assert abs(shown - 1).max() < 0.6  # the part of masks that show a column, over one half


@pytest.mark.parametrize(
    ("grid", "space"), [((3,), (8,)), ((2, 4), (6, 9)), ((1, 2, 2), (2, 5, 4))]
)
def test_masks_are_shifted_grids_between_zero_and_one(grid, space):
    keys = jax.random.split(jax.random.key(0), 3000)
    masks = np.asarray(jax.vmap(lambda key: _mask(key, jnp.float32(0.4), grid, space))(keys))
    assert masks.shape == (3000, *space)
    assert masks.min() == 0
    assert masks.max() == 1
    assert abs(masks.mean(0) - 0.4).max() < 4 * 0.5 / np.sqrt(3000)
    # Neighbors share a cell or lie in neighboring ones; far ones are independent.
    flat = masks.reshape(3000, *space)
    first = flat[(slice(None), *(0,) * len(space))]
    far = flat[(slice(None), *(-1,) * len(space))]
    near = flat[(slice(None), *(0,) * (len(space) - 1), 1)]
    assert np.corrcoef(first, near)[0, 1] > 0.5
    assert abs(np.corrcoef(first, far)[0, 1]) < 0.1


def test_a_bright_corner_is_found():
    image = np.zeros((1, 8, 8, 1), np.float32)
    image[0, :2, :2] = 1
    model = formula(lambda x: x[:, :2, :2].sum((1, 2, 3)), column="image")
    found = rise(model, {"image": image}, target=1, masks=400, cells=4, batch_size=512)
    assert found.shape == image.shape
    assert np.unravel_index(found[0, :, :, 0].argmax(), (8, 8)) in {(0, 0), (0, 1), (1, 0), (1, 1)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"masks": 0}, "^masks is 0"),
        ({"shown": 1.0}, r"^shown is 1.0, but must lie in \(0, 1\)"),
        ({"cells": 5}, r"^cells is \(5,\), but must be at most \(4,\), the sides of the space"),
    ],
)
def test_wrong_masks_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        rise(LINEAR, {"features": X}, **change)
