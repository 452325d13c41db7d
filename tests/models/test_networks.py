"""Networks: published sizes, shapes in every dimension, and nothing learned from padding."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from jax import lax

from jaxmed.models import ConvNet, MLP, ResNet, SimpleCNN, ViT
from jaxmed.models.layers.layers import layers
from jaxmed.models.backbone import ConvStages, PooledClassifier, Projector
from jaxmed.models.layers.convolution import lax_convolution


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
    plain = lax_convolution(x, params["Conv_0"]["kernel"], (1, 1), "VALID")
    plain = jax.nn.relu(plain + params["Bias_0"]["value"].reshape(1, 1, 1, -1))
    pooled = plain.reshape(2, 3, 2, 3, 2, 3).max((2, 4)).reshape(2, -1)
    dense = params["Dense_0"]
    expected = jnp.dot(pooled, dense["kernel"]) + dense["bias"][None]
    np.testing.assert_allclose(network.apply({"params": params}, x), expected, atol=1e-5)


def test_a_width_of_dropout_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"^dropout is 1.0, but must lie in \[0, 1\)"):
        MLP(widths=(3,), outputs=2, dropout=1.0).init(jax.random.key(0), jnp.ones((1, 2)))


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
        y = np.asarray(y)  # as many groups as channels: each is normalised by itself
        assert y.shape[-1] == channels
        deviation = np.sqrt(y.var((1, 2), keepdims=True) + 1e-5)
        y = jnp.asarray(np.maximum((y - y.mean((1, 2), keepdims=True)) / deviation, 0))
    expected = jnp.dot(y.mean((1, 2)), params["Dense_0"]["kernel"])
    found = jax.jit(network.apply)({"params": params}, x)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("widths", "depths", "words"),
    [
        ((), (), r"^widths is \(\), but must name at least one stage"),
        ((4, 4), (1,), r"^depths is \(1,\), but widths names 2 stages: give one depth a stage"),
        ((4, 0), (1, 1), r"^widths is \(4, 0\), but every stage must have at least 1"),
        ([4, 4], [1, 0], r"^depths is \(1, 0\), but every stage must have at least 1"),
    ],
)
def test_stages_that_cannot_be_are_refused_by_every_network_alike(widths, depths, words):
    x = jnp.ones((1, 8, 8, 1))
    for make in (ConvNet, ResNet):
        with pytest.raises(ValueError, match=words):
            make(2, widths=widths, depths=depths).init(jax.random.key(0), x)
    with pytest.raises(ValueError, match=words):
        ConvStages(widths, depths).init(jax.random.key(0), x)


def test_whole_numbers_are_refused_by_the_convolutional_network():
    with pytest.raises(ValueError, match="x is uint8, but must be floating: normalise first"):
        ConvNet(2).init(jax.random.key(0), jnp.ones((1, 8, 8, 1), jnp.uint8))


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
def test_half_precision_stays_half_through_a_head_and_tells_the_same(network):
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
