"""Networks: published sizes, shapes in every dimension, and nothing learned from padding."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import MLP, ConvNet, SimpleCNN, layers


def parameters(network, x):
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def test_parameter_counts_of_the_seed_networks():
    image = jnp.zeros((1, 28, 28, 1))
    # (784 + 1) * 512 + (512 + 1) * 256 + (256 + 1) * 10
    assert parameters(MLP(widths=(512, 256), outputs=10), image) == 535_818
    # 3 * 3 * 32 + 32, then 13 * 13 * 32 * 10 + 10
    assert parameters(SimpleCNN(outputs=10), image) == 54_410


@pytest.mark.parametrize("space", [(16,), (12, 13), (8, 9, 8)])
@pytest.mark.parametrize("norm", [layers.BatchNorm, layers.GroupNorm])
def test_conv_net_reads_signals_images_and_volumes(space, norm):
    network = ConvNet(outputs=3, widths=(4, 6), depths=(1, 2), norm=norm)
    x = jnp.ones((2, *space, 2))
    variables = network.init(jax.random.key(0), x, train=False)
    assert network.apply(variables, x, train=False).shape == (2, 3)


@pytest.mark.parametrize("activation", [jax.nn.sigmoid, jnp.tanh, jax.nn.relu, jax.nn.gelu])
def test_mlp_is_its_formula(activation):
    network = MLP(widths=(5,), outputs=2, activation=activation)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    variables = network.init(jax.random.key(0), x)
    first, last = variables["params"]["Dense_0"], variables["params"]["Dense_1"]
    hidden = activation(jnp.dot(x, first["kernel"]) + first["bias"][None])
    expected = jnp.dot(hidden, last["kernel"]) + last["bias"][None]
    np.testing.assert_allclose(network.apply(variables, x), expected, rtol=1e-5, atol=1e-6)


def test_simple_cnn_is_convolution_relu_and_pool_in_that_order():
    network = SimpleCNN(outputs=2, features=3)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 8, 8, 1)), jnp.float32)
    params = network.init(jax.random.key(0), x)["params"]
    params["Bias_0"]["value"] = jnp.asarray([0.3, -0.2, 0.1])
    plain = layers.lax_convolution(x, params["Conv_0"]["kernel"], (1, 1), "VALID")
    plain = jax.nn.relu(plain + params["Bias_0"]["value"].reshape(1, 1, 1, -1))
    pooled = plain.reshape(2, 3, 2, 3, 2, 3).max((2, 4)).reshape(2, -1)
    dense = params["Dense_0"]
    expected = jnp.dot(pooled, dense["kernel"]) + dense["bias"][None]
    np.testing.assert_allclose(network.apply({"params": params}, x), expected, atol=1e-5)


def test_a_width_of_dropout_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"rate is 1.0, but must lie in \[0, 1\)"):
        MLP(widths=(3,), outputs=2, dropout=1.0).init(jax.random.key(0), jnp.ones((1, 2)))
