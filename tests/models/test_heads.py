"""Heads on a backbone: one name, the same features, and half precision throughout."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxmed.models import (
    ImageDecoder,
    MaskedAutoencoder,
    PooledClassifier,
    Projector,
    ResNet,
    ResNetStages,
    ViT,
    layers,
)
from jaxmed.models.conv_stages import ConvStages
from jaxmed.models.layers import GroupNorm

SMALL = ConvStages((4, 6), norm=functools.partial(layers.GroupNorm, groups=2))


@pytest.mark.parametrize(
    "network",
    [
        ViT(3, patch=4, width=8, heads=2, layers=1),
        ResNet(3, depths=(1,), widths=(8,), norm=layers.GroupNorm),
        PooledClassifier(3, SMALL),
        Projector(SMALL, (5, 3)),
    ],
    ids=lambda network: type(network).__name__,
)
def test_half_precision_stays_half_through_a_head_and_agrees_with_float32(network):
    random = np.random.default_rng(3)
    x, weights = (
        jnp.asarray(random.normal(size=shape), jnp.float32) for shape in ((4, 8, 8, 1), (4, 3))
    )
    shapes = jax.eval_shape(network.init, jax.random.key(0), x)["params"]
    params = jax.tree.map(lambda w: jnp.float32(random.normal(size=w.shape) / 3), shapes)
    heads = {name: params[name] for name in params if name.startswith("head")}

    def loss(heads, x):
        variables = {"params": params | heads}
        outputs = network.apply(variables, x)
        features = network.apply(variables, x, method="features")
        return (outputs.astype(jnp.float32) * weights).sum(), (outputs, features)

    @jax.jit
    def run(x):
        slopes, (outputs, features) = jax.grad(loss, has_aux=True)(heads, x)
        return {"outputs": outputs, "features": features, **flatten_dict(slopes, sep="/")}

    whole, half = run(x), run(x.astype(jnp.bfloat16))
    assert half["outputs"].dtype == half["features"].dtype == jnp.bfloat16
    assert len(whole) >= 4
    for name, expected in whole.items():
        error = np.linalg.norm(np.asarray(half[name], np.float32) - expected)
        assert error < 2e-2 * np.linalg.norm(expected), name


@pytest.mark.parametrize(
    "network",
    [
        PooledClassifier(2, SMALL),
        Projector(SMALL, (5, 3)),
        MaskedAutoencoder(SMALL, ImageDecoder((8, 8, 1), (4,))),
        ResNet(2, (1,), (4,), norm=GroupNorm),
    ],
)
def test_every_head_keeps_the_backbone_under_one_name_and_reads_the_same_features(network):
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    params = jax.jit(network.init)(jax.random.key(1), x)["params"]
    stages = ResNetStages((1,), (4,), norm=GroupNorm) if isinstance(network, ResNet) else SMALL
    backbone = jax.jit(lambda p: stages.apply({"params": p}, x, train=False))(params["encoder"])
    found = jax.jit(lambda p: network.apply({"params": p}, x, method="features"))(params)
    np.testing.assert_allclose(found, backbone.mean((1, 2)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "stages",
    [ConvStages((4, 4, 4)), ResNetStages((1, 1, 1), (4, 4, 4), norm=GroupNorm)],
    ids=["down", "up"],
)
def test_holes_are_filled_over_either_backbone(stages):
    network = MaskedAutoencoder(stages, ImageDecoder((7, 5, 1), (4, 4)))  # 7 to 3 to 1, or 4 to 2
    x = jnp.ones((2, 7, 5, 1))
    made, _ = jax.eval_shape(lambda key: network.init_with_output(key, x), jax.random.key(0))
    assert made.shape == x.shape
