"""clDice against the morphology of SciPy, and on a vessel that is cut."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import agree
from losses.voxel_maps import CLASSES, SHAPES, example
from scipy import ndimage, special

from jaxmed import losses


def skeleton(image, there, iterations):
    """Algorithm 1 of the paper with SciPy's erosion and dilation of grey values, where labelled."""
    cross = ndimage.generate_binary_structure(image.ndim, 1)

    def erode(x):
        x = np.where(there, x, np.inf)
        return ndimage.grey_erosion(x, footprint=cross, mode="constant", cval=np.inf)

    def dilate(x):
        x = np.where(there, x, -np.inf)
        return ndimage.grey_dilation(x, size=(3,) * x.ndim, mode="constant", cval=-np.inf)

    found = 0
    for _ in range(iterations + 1):
        eroded = erode(image)
        removed = np.where(there, np.maximum(image - dilate(eroded), 0), 0)
        found, image = found + (1 - found) * removed, eroded
    return found


def center_loss(p, t, there, iterations, smooth):
    of_p, of_t = (skeleton(x, there, iterations) for x in (p, t))
    precision = ((of_p * t).sum() + smooth) / (of_p.sum() + smooth)
    sensitivity = ((of_t * p).sum() + smooth) / (of_t.sum() + smooth)
    return 1 - 2 * precision * sensitivity / (precision + sensitivity)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("iterations", [1, 3])
def test_it_is_the_algorithm_of_the_paper(kind, iterations):
    logits, labels = example(kind)
    p = special.softmax(logits.astype(np.float64), axis=-1) * (labels >= 0)[..., None]
    expected = np.zeros((len(labels), CLASSES))
    for i, k in np.ndindex(expected.shape):
        truth = (labels[i] == k).astype(float)
        expected[i, k] = center_loss(p[i, ..., k], truth, labels[i] >= 0, iterations, 0.5)
    options = {"smooth": 0.5, "iterations": iterations}
    x, y = jnp.array(logits), jnp.array(labels)
    agree(losses.cl_dice(x, y, alpha=1.0, **options), expected[:, 1:].mean(1))
    everything = losses.cl_dice(x, y, alpha=1.0, include_background=True, **options)
    agree(everything, expected.mean(1))
    overlap = losses.dice(x, y, smooth=0.5, include_background=False)
    mixed = 0.7 * overlap + 0.3 * expected[:, 1:].mean(1)
    agree(losses.cl_dice(x, y, alpha=0.3, **options), mixed)


def test_a_cut_costs_more_than_as_many_voxels_at_the_side():
    truth = np.zeros((1, 16, 32), int)
    truth[0, 6:11] = 1
    cut, thinner = truth.copy(), truth.copy()
    cut[0, 6:11, 15:17] = 0
    thinner[0, 6, 10:20] = 0
    loss = functools.partial(losses.cl_dice, alpha=1.0)
    at = {
        name: float(loss(50.0 * jnp.eye(2)[answer], jnp.array(truth))[0])
        for name, answer in {"cut": cut, "thinner": thinner, "whole": truth}.items()
    }
    assert at["whole"] < 1e-6
    assert at["cut"] > 1.5 * at["thinner"]


def test_equal_neighbors_share_the_gradient():
    """Everywhere the same probability: every derivative is a mean of one-sided ones."""
    labels = jnp.array(example("image")[1])
    flat = jnp.zeros((*labels.shape, CLASSES))

    def total(x):
        return losses.cl_dice(x, labels, alpha=1.0).sum()

    gradient = np.asarray(jax.grad(total)(flat), np.float64)
    assert np.isfinite(gradient).all()
    # Moving all logits of one class together keeps all neighbors equal.
    for k in range(CLASSES):
        along = flat.at[..., k].set(1.0)
        difference = (total(flat + 1e-2 * along) - total(flat - 1e-2 * along)) / 2e-2
        np.testing.assert_allclose(gradient[..., k].sum(), difference, rtol=2e-3)


def test_gradients_of_examples_one_by_one_are_those_of_the_batch():
    logits, labels = (jnp.array(x) for x in example("volume"))

    def of_one(x, y):
        return losses.cl_dice(x[None], y[None])[0]

    alone = jax.jit(jax.vmap(jax.grad(of_one)))(logits, labels)
    together = jax.jit(jax.grad(lambda x: losses.cl_dice(x, labels).sum()))(logits)
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-7)


def test_bad_options_are_named():
    logits, labels = (jnp.array(x) for x in example("image"))
    with pytest.raises(ValueError, match="iterations is 0, but must be at least 1"):
        losses.cl_dice(logits, labels, iterations=0)
    with pytest.raises(ValueError, match=r"alpha is 1\.5, but must lie in \[0, 1\]"):
        losses.cl_dice(logits, labels, alpha=1.5)
