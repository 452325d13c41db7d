"""The convolutional decoder: pixels one by one, odd sides, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    ImageDecoder,
)
from jaxmed.models.image_decoder import depth_to_space


def test_channels_are_laid_out_as_pixels_one_by_one():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 12)).astype(np.float32)
    found = np.asarray(depth_to_space(jnp.asarray(x)))
    assert found.shape == (2, 6, 10, 3)
    for row, column in np.ndindex(6, 10):
        part = 2 * (row % 2) + column % 2
        wanted = x[:, row // 2, column // 2, 3 * part : 3 * part + 3]
        np.testing.assert_array_equal(found[:, row, column], wanted)
    signal = depth_to_space(jnp.arange(6.0).reshape(1, 3, 2))
    np.testing.assert_array_equal(signal[0, :, 0], np.arange(6))


@pytest.mark.parametrize("space", [(5,), (7, 6)])
def test_a_map_may_begin_at_sides_rounded_down_or_up(space):
    down = tuple(n // 2 for n in space)
    up = tuple((n + 1) // 2 for n in space)

    @jax.jit
    def decoded(key):
        params = ImageDecoder((*space, 1), (4,)).init(key, jnp.ones((1, *up, 2)))
        results = []
        for sides in (down, up):
            x = jax.random.normal(key, (2, *sides, 2))
            even = tuple(2 * n for n in sides)
            results.append([ImageDecoder((*s, 1), (4,)).apply(params, x) for s in (space, even)])
        return results

    (shorter, short), (cropped, long) = jax.tree.map(np.asarray, decoded(jax.random.key(0)))
    assert shorter.shape == cropped.shape == (2, *space, 1)
    pads = [(0, wanted - 2 * n) for wanted, n in zip(space, down, strict=True)]
    repeated = np.pad(short, [(0, 0), *pads, (0, 0)], mode="edge")
    np.testing.assert_allclose(shorter, repeated, atol=1e-6)
    np.testing.assert_allclose(cropped, long[(slice(None), *(slice(n) for n in space))], atol=1e-6)


def test_impossible_shapes_are_refused():
    with pytest.raises(ValueError, match="cannot be halved as often"):
        ImageDecoder((4, 4, 1), (2, 2, 2)).init(jax.random.key(0), jnp.ones((1, 3)))
    with pytest.raises(ValueError, match=r"begin at \(4, 4\)"):
        ImageDecoder((8, 8, 1), (4,)).init(jax.random.key(0), jnp.ones((1, 2, 2, 3)))
    with pytest.raises(ValueError, match=r"begin at \(3, 2\), or at \(4, 3\) rounded up: give"):
        ImageDecoder((7, 5, 1), (4,)).init(jax.random.key(0), jnp.ones((1, 2, 2, 3)))
    for widths, message in (
        ((), r"widths is \(\), but must name at least one size"),
        ((4, 0), r"widths\[1\] is 0, but must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            ImageDecoder((8, 8, 1), widths)
    with pytest.raises(ValueError, match="x has 6 channels, but must have a multiple of 4"):
        depth_to_space(jnp.ones((1, 2, 2, 6)))
