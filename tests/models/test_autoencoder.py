"""The halves of autoencoders and the backbone under its heads."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import ConvNet, MLP, ResNet, ResNetStages
from jaxmed.models.autoencoder import (
    Autoencoder,
    DenseDecoder,
    ImageDecoder,
    ImageEncoder,
    Sum,
    VariationalAutoencoder,
    depth_to_space,
)
from jaxmed.models.backbone import ConvStages, MaskedAutoencoder, PooledClassifier, Projector
from jaxmed.models.layers.layers import GroupNorm

SMALL = ConvStages(widths=(4, 6), norm=lambda: GroupNorm(groups=2))


@pytest.mark.parametrize("shape", [(16,), (9, 12), (5, 8, 7)])
def test_images_come_back_in_their_own_shape_in_every_number_of_dimensions(shape):
    full = (*shape, 2)
    network = Autoencoder(ImageEncoder(3, SMALL), ImageDecoder(full, (6, 4)))
    x = jax.random.normal(jax.random.key(0), (4, *full))

    @jax.jit
    def there_and_back(key):
        variables = network.init(key, x)
        latent = network.apply(variables, x, method="encode")
        return (
            latent,
            network.apply(variables, latent, method="decode"),
            network.apply(variables, x),
        )

    latent, decoded, whole = there_and_back(jax.random.key(1))
    assert latent.shape == (4, 3)
    assert decoded.shape == x.shape
    np.testing.assert_allclose(decoded, whole, rtol=1e-5, atol=1e-6)


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


def test_a_sum_adds_what_its_parts_give():
    network = Sum([MLP((), 2), MLP((3,), 2), MLP((), 2)])
    x = jax.random.normal(jax.random.key(0), (4, 5))
    params = jax.tree.map(np.asarray, jax.jit(network.init)(jax.random.key(1), x)["params"])
    first, second, third = (params[f"parts_{number}"] for number in range(3))
    hidden = np.maximum(x @ second["Dense_0"]["kernel"], 0)
    expected = x @ (first["Dense_0"]["kernel"] + third["Dense_0"]["kernel"])
    expected = expected + hidden @ second["Dense_1"]["kernel"]
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_stages_are_those_of_the_convolutional_classifier():
    whole = ConvNet(outputs=3, widths=(4, 6), depths=(2, 1), norm=GroupNorm)
    parts = PooledClassifier(3, ConvStages(widths=(4, 6), depths=(2, 1)))
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 1))
    params = jax.jit(whole.init)(jax.random.key(1), x)["params"]
    head = params.pop("Dense_0")
    found = jax.jit(parts.apply)({"params": {"encoder": params, "head": head}}, x)
    expected = jax.jit(whole.apply)({"params": {**params, "Dense_0": head}}, x)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


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


def test_impossible_shapes_are_refused():
    x = jnp.ones((1, 8, 8, 1))
    with pytest.raises(ValueError, match=r"depths is .1,., but widths names 2 stages"):
        ConvStages((4, 4), (1,)).init(jax.random.key(0), x, train=False)
    with pytest.raises(ValueError, match="encoder gives 3 outputs"):
        VariationalAutoencoder(MLP((), 3), DenseDecoder((8, 8, 1))).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="cannot be halved as often"):
        ImageDecoder((4, 4, 1), (2, 2, 2)).init(jax.random.key(0), jnp.ones((1, 3)))
    with pytest.raises(ValueError, match=r"begin at \(4, 4\)"):
        ImageDecoder((8, 8, 1), (4,)).init(jax.random.key(0), jnp.ones((1, 2, 2, 3)))
    with pytest.raises(ValueError, match=r"begin at \(3, 2\), or at \(4, 3\) rounded up: give"):
        ImageDecoder((7, 5, 1), (4,)).init(jax.random.key(0), jnp.ones((1, 2, 2, 3)))
    for widths in ((), (4, 0)):
        with pytest.raises(ValueError, match=r"widths is .*must name at least one size"):
            ImageDecoder((8, 8, 1), widths).init(jax.random.key(0), jnp.ones((1, 3)))
    with pytest.raises(ValueError, match="x has 6 channels, but must have a multiple of 4"):
        depth_to_space(jnp.ones((1, 2, 2, 6)))
