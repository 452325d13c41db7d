"""Convolutional networks against their formulas, under the names of saved models."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmed.models import (
    ConvNet,
    SimpleCNN,
    intermediates,
    layers,
)
from jaxmed.models.layers.convolution import lax_convolution


def parameters(network, x):
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def test_the_network_of_tutorials_has_its_parameters():
    image = jnp.zeros((1, 28, 28, 1))
    # 3 * 3 * 32 + 32, then 13 * 13 * 32 * 10 + 10
    assert parameters(SimpleCNN(outputs=10), image) == 54_410


@pytest.mark.parametrize("space", [(16,), (12, 13), (8, 9, 8)])
@pytest.mark.parametrize("norm", [layers.BatchNorm, layers.GroupNorm])
def test_conv_net_reads_signals_images_and_volumes(space, norm):
    network = ConvNet(outputs=3, widths=(4, 6), depths=(1, 2), norm=norm)
    x = jnp.ones((2, *space, 2))
    made, _ = jax.eval_shape(lambda key: network.init_with_output(key, x), jax.random.key(0))
    assert made.shape == (2, 3)


def test_simple_cnn_is_convolution_relu_and_pool_in_that_order():
    network = SimpleCNN(outputs=2, features=3)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 8, 8, 1)), jnp.float32)
    params = network.init(jax.random.key(0), x)["params"]
    params["Bias_0"]["value"] = jnp.asarray([0.3, -0.2, 0.1])
    plain = lax_convolution(x, params["Conv_0"]["kernel"], (1, 1), "VALID")
    plain = jax.nn.relu(plain + params["Bias_0"]["value"].reshape(1, 1, 1, -1))
    pooled = plain.reshape(2, 3, 2, 3, 2, 3).max((2, 4)).reshape(2, -1)
    dense = params["Dense_0"]
    expected = jnp.dot(pooled, dense["kernel"]) + dense["bias"][None]
    np.testing.assert_allclose(network.apply({"params": params}, x), expected, atol=1e-5)


def test_conv_net_is_its_formula_under_the_names_that_saved_models_have():
    network = ConvNet(outputs=2, widths=(4, 6), depths=(1, 2), norm=layers.GroupNorm)
    x = jnp.asarray(np.random.default_rng(2).normal(size=(2, 7, 6, 3)), jnp.float32)
    params = jax.jit(network.init)(jax.random.key(0), x)["params"]
    names = [f"{kind}_{number}" for kind in ("Conv", "GroupNorm") for number in range(3)]
    assert set(params) == {*names, "Dense_0"}
    y = x
    for number, channels in enumerate((4, 6, 6)):
        y = lax_convolution(y, params[f"Conv_{number}"]["kernel"], (1, 1))
        if number == 0:
            window = (1, 2, 2, 1)
            y = lax.reduce_window(y, -jnp.inf, lax.max, window, window, "VALID")
        y = np.asarray(y)  # as many groups as channels: each is normalized by itself
        assert y.shape[-1] == channels
        deviation = np.sqrt(y.var((1, 2), keepdims=True) + 1e-5)
        y = jnp.asarray(np.maximum((y - y.mean((1, 2), keepdims=True)) / deviation, 0))
    expected = jnp.dot(y.mean((1, 2)), params["Dense_0"]["kernel"])
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_whole_numbers_are_refused_by_the_convolutional_network():
    with pytest.raises(ValueError, match="x is uint8, but must be floating: normalize first"):
        ConvNet(2).init(jax.random.key(0), jnp.ones((1, 8, 8, 1), jnp.uint8))


def test_the_features_are_what_the_linear_layer_reads():
    network = ConvNet(2, (4, 6), (1, 1))
    x = jnp.asarray(np.random.default_rng(3).normal(size=(2, 8, 8, 1)), jnp.float32)
    variables = jax.jit(network.init)(jax.random.key(0), x)
    features = jax.jit(functools.partial(network.apply, method="features"))(variables, x)
    assert features.shape == (2, 6)
    head = variables["params"]["Dense_0"]
    expected = jnp.dot(features, head["kernel"]) + head["bias"][None]
    np.testing.assert_allclose(jax.jit(network.apply)(variables, x), expected, atol=1e-5)
    pooled = jax.jit(functools.partial(intermediates, network))(variables, x)[1]["pooled"]
    np.testing.assert_allclose(pooled, features, atol=1e-6)
