"""Residual networks: published sizes, and what must not matter."""

from __future__ import annotations

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    ResNet,
    intermediates,
    resnet18,
    resnet34,
    resnet50,
)

pytestmark = pytest.mark.slow  # deep networks are compiled


@pytest.fixture
def normal():
    """Draws arrays of a shape; one generator a test, whatever ran before it."""
    random = np.random.default_rng(0)
    return lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)


def shapes(network, *shape):
    return jax.eval_shape(
        lambda key: network.init(key, jnp.zeros(shape, jnp.float32)), jax.random.key(0)
    )


def drawn(normal, network, *inputs):
    """Variables of which none is zero or one, without compiling an initialization."""
    expected = jax.eval_shape(lambda key: network.init(key, *inputs), jax.random.key(0))

    def draw(leaf):  # scales and variances are vectors, and positive
        if leaf.ndim == 1:
            return abs(normal(*leaf.shape)) / 3 + 0.3
        return normal(*leaf.shape) / np.float32(np.sqrt(np.prod(leaf.shape[:-1])))

    return jax.tree.map(draw, expected)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
    ("make", "published"), [(resnet18, 11_689_512), (resnet34, 21_797_672), (resnet50, 25_557_032)]
)
def test_parameters_on_imagenet_are_as_many_as_published(make, published):
    assert count(shapes(make(1000, stem="imagenet"), 1, 224, 224, 3)["params"]) == published


@pytest.mark.parametrize(
    ("make", "published"), [(resnet18, 11_173_962), (resnet34, 21_282_122), (resnet50, 23_520_842)]
)
def test_parameters_with_the_small_stem_are_as_many_as_published(make, published):
    # The CIFAR-10 networks whose code MedMNIST took over.
    assert count(shapes(make(10), 1, 32, 32, 3)["params"]) == published


@pytest.mark.parametrize("make", [resnet18, resnet50])
def test_a_volume_has_kernels_of_one_more_dimension_and_else_the_same_variables(make):
    flat, deep = (shapes(make(2), 1, *(28,) * space, 1) for space in (2, 3))
    assert jax.tree.structure(flat) == jax.tree.structure(deep)
    windows = {1: 1, 9: 3}
    for a, b in zip(jax.tree.leaves(flat), jax.tree.leaves(deep), strict=True):
        if a.ndim == 4:
            assert b.size == a.size * windows[a.shape[0] * a.shape[1]]
        else:
            assert a.shape == b.shape


def test_a_volume_of_one_channel_has_as_many_parameters_as_published():
    # The published 33.2 million (Hara et al. 2018), without its head.
    variables = shapes(resnet18(1, stem="imagenet"), 1, 32, 32, 32, 1)
    assert count(variables["params"]["encoder"]) == 33_160_000


TINY = {"depths": (1, 1), "widths": (4, 8)}


def test_gradients_with_regard_to_a_stage_are_those_of_the_head(normal):
    network = ResNet(3, **TINY)
    x = normal(2, 6, 6, 1)
    variables = drawn(normal, network, x)

    @jax.jit
    def slope(zeros):
        def score(zeros):
            logits, _ = intermediates(network, variables, x, added={"encoder/stage2": zeros})
            return logits[:, 1].sum()

        return jax.grad(score)(zeros)

    kernel = np.asarray(variables["params"]["head"]["kernel"])[:, 1]
    expected = np.broadcast_to(kernel / 9, (2, 3, 3, 8))  # each logit is a mean of 9 places
    np.testing.assert_allclose(slope(jnp.zeros((2, 3, 3, 8))), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="added is 'encoder/stage3', which is unknown: did you"):
        jax.eval_shape(
            lambda z: intermediates(network, variables, x, added={"encoder/stage3": z}), x
        )


def test_names_are_no_part_of_the_variables(normal):
    network = ResNet(3, **TINY)
    x = normal(2, 6, 6, 1)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    assert set(variables) == {"params", "batch_stats"}
    train = functools.partial(network.apply, train=True, mutable=nn.DenyList("params"))
    _, state = jax.eval_shape(train, variables, x)
    assert set(state) == {"batch_stats", "intermediates"}  # the second where it is asked for


@pytest.mark.parametrize("space", [(6, 5), (4, 3, 4)])
def test_padding_changes_neither_real_rows_nor_statistics(normal, space):
    network = ResNet(2, **TINY)
    x = normal(5, *space, 2)
    variables = drawn(normal, network, x)

    @jax.jit
    def train(x, mask):
        return network.apply(variables, x, train=True, mask=mask, mutable=["batch_stats"])

    alone, expected = train(x, jnp.ones(5))
    padded = jnp.concatenate([x, jnp.full((3, *space, 2), jnp.nan)])
    found, state = train(padded, jnp.arange(8) < 5)
    np.testing.assert_allclose(found[:5], alone, atol=2e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), state, expected)
    moved = jax.tree.map(
        lambda a, b: np.abs(a - b).max() > 1e-3, expected["batch_stats"], variables["batch_stats"]
    )
    assert all(jax.tree.leaves(moved))


def test_computing_again_changes_no_gradient(normal):
    x = normal(3, 6, 6, 1)
    variables = drawn(normal, ResNet(2, **TINY), x)

    def slopes(network):
        def loss(params):
            outputs, _ = network.apply(
                {**variables, "params": params}, x, train=True, mutable=["batch_stats"]
            )
            return jnp.sin(outputs).sum()

        return jax.jit(jax.grad(loss))(params), str(jax.make_jaxpr(jax.grad(loss))(params))

    params = variables["params"]
    (plain, program), (again, longer) = (
        slopes(ResNet(2, rematerialize=again, **TINY)) for again in (False, True)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), again, plain)
    assert "remat" in longer
    assert "remat" not in program


@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        (
            {},
            (2, 28, 28),
            r"x has shape \(2, 28, 28\), but must be images .*one channel has an axis",
        ),
        ({}, (2, 5), r"x has shape \(2, 5\), but must be images"),
        ({"depths": (1, 1, 1)}, (2, 8, 8, 1), r"depths is \(1, 1, 1\), but widths names 2 stages"),
        ({"stem": "imagnet"}, (2, 8, 8, 1), "stem is 'imagnet', which is unknown: did you mean im"),
        ({"dropout": 1.0}, (2, 8, 8, 1), r"^dropout is 1.0, but must lie in \[0, 1\)"),
    ],
)
def test_what_cannot_be_is_refused(options, shape, words):
    def init(key):
        return ResNet(2, **TINY | options).init(key, jnp.zeros(shape))

    with pytest.raises(ValueError, match=words):
        jax.eval_shape(init, jax.random.key(0))
