"""The boundary loss against SciPy's distance transform and against all pairs of voxels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from losses.examples import agree
from losses.voxel_maps import CLASSES, SHAPES, example
from scipy import ndimage, special

from jaxmed import losses


def signed(label, k, spacing):
    """By SciPy: the distance from every voxel to the nearest source."""
    inside, outside = label == k, (label >= 0) & (label != k)
    if not inside.any() or not outside.any():
        return np.zeros(label.shape)
    to_inside, to_outside = (
        ndimage.distance_transform_edt(~part, sampling=spacing) for part in (inside, outside)
    )
    return np.where(inside, -to_outside, to_inside)


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("anisotropic", [False, True])
def test_it_is_probability_times_signed_distance(kind, anisotropic):
    logits, labels = example(kind)
    spacing = (2.5, 0.7, 1.2)[: labels.ndim - 1] if anisotropic else None
    p = special.softmax(logits.astype(np.float64), axis=-1)
    expected = np.zeros((len(labels), CLASSES))
    for i, k in np.ndindex(expected.shape):
        there = labels[i] >= 0
        distance = signed(labels[i], k, spacing or (1,) * labels[i].ndim)
        expected[i, k] = (p[i, ..., k] * distance)[there].mean()
    found = jax.jit(lambda x, y: losses.boundary(x, y, spacing=spacing))(logits, labels)
    agree(found, expected[:, 1:].mean(1))
    weights = jnp.array([1.0, 0.5, 3.0])
    weighted = losses.boundary(
        jnp.array(logits),
        jnp.array(labels),
        spacing=spacing,
        include_background=True,
        class_weights=weights,
    )
    agree(weighted, np.average(expected, axis=1, weights=weights))


def test_distances_are_those_of_all_pairs_of_voxels():
    labels = np.random.default_rng(0).integers(-1, 2, (1, 5, 4))
    places = np.argwhere(labels[0] >= -1).reshape(5, 4, 2) * (1.5, 2.0)

    def nearest(here, sources):
        return min(np.linalg.norm(places[here] - places[there]) for there in sources)

    sides = [[tuple(x) for x in np.argwhere(labels[0] == k)] for k in (0, 1)]
    labelled = [(here, k) for k in (0, 1) for here in sides[k]]
    # Logits of one voxel alone: it has class 1, the others class 0.
    for here, k in labelled:
        logits = np.zeros((1, 5, 4, 2), np.float32)
        logits[..., 0] = 100
        logits[(0, *here)] = (0, 100)
        found = losses.boundary(jnp.array(logits), jnp.array(labels), spacing=(1.5, 2.0))
        distance = nearest(here, sides[1 - k]) * (1 if k == 0 else -1)
        agree(found[0], distance / len(labelled))


def test_the_truth_has_the_lowest_loss():
    logits, labels = example("image")
    best = losses.boundary(100.0 * jnp.eye(CLASSES)[np.maximum(labels, 0)], jnp.array(labels))
    assert (best < losses.boundary(jnp.array(logits), jnp.array(labels))).all()
    assert (best < 0).all()


def test_a_class_that_is_absent_or_alone_has_no_boundary():
    logits = jnp.array(example("image")[0])
    for label in (0, 1, -1):
        labels = jnp.full(logits.shape[:-1], label)
        value, gradient = jax.value_and_grad(lambda x, y=labels: losses.boundary(x, y).sum())(
            logits
        )
        assert value == 0
        assert not np.asarray(gradient).any()


def test_spacing_has_a_number_per_axis():
    logits, labels = (jnp.array(x) for x in example("volume"))
    with pytest.raises(ValueError, match="spacing has 2 numbers, but labels has 3 axes of space"):
        losses.boundary(logits, labels, spacing=(1.0, 1.0))
