"""Patches against slices."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models.layers.patches import patches


@pytest.fixture
def normal():
    """Draws arrays of a shape; one generator a test, whatever ran before it."""
    random = np.random.default_rng(0)
    return lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)


def test_patches_of_a_volume_are_cut_in_reading_order(normal):
    x = normal(2, 4, 6, 2, 3)
    found = np.asarray(patches(x, (2, 3, 1)))
    corners = [(i, j, k) for i in (0, 2) for j in (0, 3) for k in (0, 1)]
    assert found.shape == (2, 8, 18)
    for number, (i, j, k) in enumerate(corners):
        expected = np.asarray(x)[:, i : i + 2, j : j + 3, k : k + 1].reshape(2, -1)
        np.testing.assert_array_equal(found[:, number], expected)


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((2,), r"^patch is \(2,\), but x has shape \(1, 4, 6, 1\): give one side for each"),
        ((3, 3), r"^patch is \(3, 3\), but must divide the image's \(4, 6\): crop, pad"),
        ((4, 12), r"^patch is \(4, 12\), but must divide the image's \(4, 6\)"),
    ],
)
def test_patches_that_do_not_fill_an_image_are_refused(sides, words):
    with pytest.raises(ValueError, match=words):
        patches(jnp.zeros((1, 4, 6, 1)), sides)
