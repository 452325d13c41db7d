"""Hidden patches counted and losses averaged by loops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.metrics.streaming import mean_of
from jaxmed.tasks.masked import hidden_pixels, standardized_patches

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)


def centered(batch):
    return jnp.asarray(batch["image"], jnp.float32) / 64 - 2


@pytest.mark.parametrize(("share", "count"), [(0.6, 14), (0.001, 1), (0.999, 23)])
def test_as_many_whole_patches_are_hidden_in_every_image(share, count):
    hidden = hidden_pixels(jax.random.key(0), (50, 8, 12, 3), patch=2, share=share)
    hidden = np.asarray(hidden)[..., 0]
    rows, height, width = hidden.shape
    patches = hidden.reshape(rows, height // 2, 2, width // 2, 2)
    assert (patches.all((2, 4)) == patches.any((2, 4))).all()
    assert (patches.any((2, 4)).sum((1, 2)) == count).all()
    assert len({row.tobytes() for row in hidden}) > 10  # another choice in each image


class Guess:
    """A network without parameters that always answers 2."""

    def init(self, rngs, x, **options):
        return {"params": {}}

    def apply(self, variables, x, **options):
        return jnp.full_like(x, 2.0), {}


@pytest.mark.parametrize("target", [None, standardized_patches])
def test_the_masked_loss_is_the_mean_over_hidden_pixels(target):
    task = tasks.masked_pixels(Guess(), inputs=centered, patch=2, share=0.5, target=target)
    batch, key = {"image": jnp.asarray(IMAGES), "mask": jnp.ones(5)}, jax.random.key(2)
    losses, _ = jax.jit(task.loss)({}, {}, batch, key)
    hidden = np.asarray(hidden_pixels(jax.random.split(key)[0], (5, 4, 4, 1), patch=2, share=0.5))
    wanted = np.asarray(centered(batch), np.float64)
    if target is not None:
        for row, i, j in np.ndindex(5, 2, 2):
            part = wanted[row, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            part[...] = (part - part.mean()) / np.sqrt(part.var() + 1e-6)
    for row in range(5):
        expected = np.mean((2 - wanted[row][hidden[row]]) ** 2)
        assert float(losses[row]) == pytest.approx(expected, rel=1e-4)


def test_what_a_user_sets_is_used_or_refused():
    own = {"own": mean_of("features")}
    task = tasks.masked_pixels(Guess(), inputs=centered, patch=2, metrics=own)
    assert task.metrics == own
    with pytest.raises(ValueError, match="share is 1"):
        tasks.masked_pixels(Guess(), inputs=centered, patch=2, share=1.0)
    for patch, share, message in (
        (3, 0.5, "patch is 3, which does not divide"),
        (8, 0.5, "one patch is all of the image"),
        (0, 0.5, "patch is 0, but must be at least 1"),
        (2, 0.0, "share is 0.0, but must lie in"),
    ):
        with pytest.raises(ValueError, match=message):
            hidden_pixels(jax.random.key(0), (1, 8, 8, 1), patch=patch, share=share)
    with pytest.raises(ValueError, match="patch is 3, which does not divide"):
        standardized_patches(jnp.zeros((1, 8, 8, 1)), 3)
