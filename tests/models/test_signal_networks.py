"""Networks for signals: their parameters by hand, and what they compute."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    ConvStages,
    InceptionTime,
    ResNet1d,
    ResNet1dStages,
    SignalClassifier,
    intermediates,
    layers,
)
from jaxmed.models.intermediates import captured
from jaxmed.models.layers.convolution import lax_convolution

RNG = np.random.default_rng(0)


def parameters(network, *shapes):
    x = tuple(jnp.zeros(shape) for shape in shapes)
    made = jax.eval_shape(
        lambda: network.init(jax.random.key(0), x if len(x) > 1 else x[0], train=False)
    )
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(made["params"]))


def test_the_published_residual_network_has_its_parameters():
    def block(inputs, width):
        convolutions = 8 * inputs * width + 5 * width * width + 3 * width * width
        shortcut = inputs * width + 2 * width if inputs != width else 0
        return convolutions + 3 * 2 * width + shortcut

    by_hand = block(1, 64) + block(64, 128) + block(128, 128) + 129 * 5
    assert parameters(ResNet1d(5), (1, 140, 1)) == by_hand


def test_the_published_inception_network_has_its_parameters():
    def module(inputs):
        narrow = 32 if inputs > 1 else inputs
        bottleneck = inputs * 32 if inputs > 1 else 0
        return bottleneck + (10 + 20 + 40) * narrow * 32 + inputs * 32 + 2 * 128

    shortcuts = (1 * 128 + 2 * 128) + (128 * 128 + 2 * 128)
    by_hand = module(1) + 5 * module(128) + shortcuts + 129 * 5
    assert parameters(InceptionTime(5), (1, 140, 1)) == by_hand


def test_a_residual_block_is_its_formula():
    network = ResNet1dStages((3,), (4, 3), norm=layers.GroupNorm)
    x = jnp.asarray(RNG.normal(size=(2, 10, 2)), jnp.float32)
    variables = network.init(jax.random.key(0), x)
    params = variables["params"]

    def convolved(x, name):
        return lax_convolution(x, params[name]["kernel"], (1,), "SAME")

    def norm(x):  # three channels are three groups
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        return (x - mean) / jnp.sqrt(variance + 1e-5)

    y = jax.nn.relu(norm(convolved(x, "stage1_conv1")))
    y = norm(convolved(y, "stage1_conv2")) + norm(convolved(x, "stage1_shortcut_conv"))
    np.testing.assert_allclose(network.apply(variables, x), jax.nn.relu(y), atol=1e-5)


def test_pools_halve_the_time():
    network = ResNet1dStages((2, 2, 2), (3,), pool=2, norm=layers.GroupNorm)
    x = jnp.ones((1, 13, 1))
    assert network.init_with_output(jax.random.key(0), x)[0].shape == (1, 3, 2)


def test_an_inception_module_sees_the_maximum_of_three_neighbors():
    network = InceptionTime(2, width=1, windows=(3,), depth=1, bottleneck=1, norm=layers.GroupNorm)
    x = jnp.asarray(RNG.normal(size=(1, 6, 1)), jnp.float32)
    variables = network.init(jax.random.key(0), x)
    _, found = intermediates(network, variables, x)
    encoder = variables["params"]["encoder"]
    padded = np.pad(np.asarray(x[0, :, 0]), 1, constant_values=-np.inf)
    highest = np.array([padded[t : t + 3].max() for t in range(6)])
    pooled = highest * float(encoder["module1_pooled"]["kernel"][0, 0, 0])
    normed = (pooled - pooled.mean()) / np.sqrt(pooled.var() + 1e-5)
    np.testing.assert_allclose(found["encoder/module1"][0, :, 1], np.maximum(normed, 0), atol=1e-4)


def test_numbers_stand_beside_the_pooled_signal():
    network = SignalClassifier(2, ConvStages((3,), norm=layers.GroupNorm), widths=(5,))
    x = (
        jnp.asarray(RNG.normal(size=(2, 9, 2)), jnp.float32),
        jnp.asarray(RNG.normal(size=(2, 4)), jnp.float32),
    )
    assert parameters(network, (1, 9, 2), (1, 4)) == 3 * 2 * 3 + 2 * 3 + (6 + 4 + 1) * 5 + 6 * 2
    variables = network.init(jax.random.key(0), x)
    logits, found = captured(network, variables, x, {}, None)
    np.testing.assert_array_equal(found["joined"][:, 6:], x[1])
    stages = found["encoder/stage1"]
    expected = np.concatenate([stages.mean(1), stages.max(1), x[1]], axis=1)
    np.testing.assert_allclose(found["joined"], expected, atol=1e-6)
    params = variables["params"]
    hidden = jax.nn.relu(expected @ params["hidden1"]["kernel"])
    np.testing.assert_allclose(logits, hidden @ params["head"]["kernel"], atol=1e-5)


@pytest.mark.parametrize("network", [ResNet1d(2), InceptionTime(2)], ids=["resnet", "inception"])
def test_other_shapes_are_refused(network):
    with pytest.raises(ValueError, match=r"must be signals \[batch, time, channels\]"):
        network.init(jax.random.key(0), jnp.ones((2, 9)))
    with pytest.raises(ValueError, match="must be floating"):
        network.init(jax.random.key(0), jnp.ones((2, 9, 1), int))
