"""Contrastive learning against a double loop over views."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed import tasks
from jaxmed.data import inputs
from jaxmed.metrics.streaming import mean_of
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.heads import Projector
from jaxmed.tasks.contrastive import nt_xent


def nt_xent_by_loops(first, second, mask, temperature):
    """Equation 1 of the paper, one pair of real views after another."""
    views = [(i, view) for group in (first, second) for i, view in enumerate(group) if mask[i]]
    losses = {}
    for a, (i, one) in enumerate(views):
        scores, positive = [], None
        for b, (j, other) in enumerate(views):
            if a == b:
                continue
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            scores.append(np.exp(cosine / temperature))
            positive = scores[-1] if i == j else positive
        losses.setdefault(i, []).append(-np.log(positive / sum(scores)))
    return {i: np.mean(pair) for i, pair in losses.items()}


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_nt_xent_is_the_double_loop_over_real_views(temperature):
    first, second = np.random.default_rng(1).normal(size=(2, 7, 5))
    mask = np.array([1, 1, 0, 1, 1, 1, 0.0])
    found = nt_xent(
        jnp.float32(first), jnp.float32(second), jnp.float32(mask), temperature=temperature
    )
    for i, loss in nt_xent_by_loops(first, second, mask, temperature).items():
        assert float(found[i]) == pytest.approx(loss, rel=1e-4)
    assert np.isfinite(found).all()


def test_one_image_alone_and_projections_of_zeros_give_finite_gradients():
    def total(views, mask):
        return nt_xent(views, views, mask, temperature=0.5).sum()

    grad = jax.jit(jax.grad(total))(jnp.zeros((2, 3)), jnp.array([1.0, 0.0]))
    assert np.isfinite(grad).all()
    alone = nt_xent(jnp.ones((1, 3)), jnp.ones((1, 3)), jnp.ones(1), temperature=0.5)
    np.testing.assert_allclose(alone, [0.0], atol=1e-6)  # its other view is the only choice


def mirrored(key, batch):
    """Half of the images, at random, left to right."""
    turned = jax.random.bernoulli(key, 0.5, (len(batch["image"]), 1, 1, 1))
    return {**batch, "image": jnp.where(turned, batch["image"][:, :, ::-1], batch["image"])}


def test_what_a_user_sets_is_used_or_refused():
    network = Projector(ConvStages((4,)), (8, 4))
    make = {"inputs": inputs.unit_pixels, "augment": mirrored}
    own = {"own": mean_of("features")}
    assert tasks.contrastive(network, metrics=own, **make).metrics == own
    with pytest.raises(ValueError, match="temperature is 0"):
        tasks.contrastive(network, temperature=0.0, **make)


def test_predictions_are_the_features_of_the_image_itself():
    network = Projector(ConvStages((4,)), (8, 4))
    task = tasks.contrastive(network, inputs=inputs.unit_pixels, augment=mirrored)
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1), np.uint8)
    params, state = task.init(jax.random.key(0), {"image": images}, {})
    found = task.predict(params, state, {"image": images})
    wanted = network.apply({"params": params}, jnp.float32(images / 255), method="features")
    np.testing.assert_allclose(found["features"], wanted, rtol=1e-5)
    assert set(found) == {"features"}
