"""Residual networks: published sizes, blocks against loops in NumPy, and what must not matter."""

from __future__ import annotations

import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxmed.models.intermediates import intermediates
from jaxmed.models.layers.layers import BatchNorm, GroupNorm
from jaxmed.models.resnet import (
    ResNet,
    ResNetStages,
    ResidualBlock,
    overlapping_max_pool,
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
    """Variables of which none is zero or one, without compiling an initialisation."""
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


def loop_convolution(x, kernel, stride):
    """Equal zeros on both sides, one output number and one offset at a time, in float64."""
    window, margin = kernel.shape[:-2], kernel.shape[0] // 2
    reduced = [
        (n + 2 * margin - w) // stride + 1 for n, w in zip(x.shape[1:], window, strict=False)
    ]
    y = np.zeros((len(x), *reduced, kernel.shape[-1]))
    for place in itertools.product(*map(range, reduced)):
        for offset in itertools.product(*map(range, window)):
            at = [p * stride + o - margin for p, o in zip(place, offset, strict=True)]
            if all(0 <= i < n for i, n in zip(at, x.shape[1:-1], strict=True)):
                y[(slice(None), *place)] += x[(slice(None), *at)] @ kernel[offset]
    return y


def batch_normalised(x, params, _groups):
    axes = tuple(range(x.ndim - 1))
    slope = params["scale"] / np.sqrt(x.var(axes) + 1e-5)
    return (x - x.mean(axes)) * slope + params["bias"]


def group_normalised(x, params, groups):
    params = params["GroupNorm_0"]
    split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    centred = split - split.mean((1, 3), keepdims=True)
    scaled = centred / np.sqrt(split.var((1, 3), keepdims=True) + 1e-5)
    return scaled.reshape(x.shape) * params["scale"] + params["bias"]


@pytest.mark.parametrize(
    ("space", "bottleneck", "stride", "norm"),
    [
        ((5, 4), False, 1, BatchNorm),
        ((6, 5), False, 2, BatchNorm),
        ((4, 4), True, 1, BatchNorm),
        ((6, 3), True, 2, GroupNorm),
        ((3, 4, 2), False, 2, GroupNorm),
        ((2, 3, 4), True, 2, BatchNorm),
    ],
)
def test_a_block_is_its_formula(normal, space, bottleneck, stride, norm):
    groups = 2
    make = functools.partial(GroupNorm, groups=groups) if norm is GroupNorm else norm
    block = ResidualBlock(4, stride, bottleneck, make)
    x = normal(3, *space, 4)
    variables = drawn(normal, block, x, False, None)
    apply = jax.jit(lambda v: block.apply(v, x, True, None, mutable=["batch_stats"])[0])
    found = apply(variables)

    weights = jax.tree.map(lambda w: np.asarray(w, np.float64), variables["params"])
    normalised = batch_normalised if norm is BatchNorm else group_normalised

    def layer(x, name, stride=1):
        y = loop_convolution(x, weights[name.replace("*", "conv")]["kernel"], stride)
        return normalised(y, weights[name.replace("*", "norm")], groups)

    inside = np.asarray(x, np.float64)
    if bottleneck:
        y = np.maximum(layer(inside, "*1"), 0)
        y = layer(np.maximum(layer(y, "*2", stride), 0), "*3")
    else:
        y = layer(np.maximum(layer(inside, "*1", stride), 0), "*2")
    changed = stride > 1 or bottleneck
    assert ("shortcut_conv" in weights) == changed
    shortcut = layer(inside, "shortcut_*", stride) if changed else inside
    np.testing.assert_allclose(found, np.maximum(shortcut + y, 0), atol=5e-5)


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("norm", [BatchNorm, GroupNorm])
def test_a_block_begins_as_the_identity_through_relu(normal, bottleneck, norm):
    x = normal(2, 4, 4, 8)
    block = ResidualBlock(2 if bottleneck else 8, 1, bottleneck, norm)
    variables = block.init(jax.random.key(0), x, False, None)
    train = jax.jit(lambda v: block.apply(v, x, True, None, mutable=["batch_stats"])[0])
    found = train(variables)
    np.testing.assert_array_equal(found, np.maximum(x, 0))


@pytest.mark.parametrize("space", [(8,), (9, 6), (5, 4, 1)])
def test_the_overlapping_pool_equals_reduce_window_and_its_gradient(normal, space):
    x, weights = jax.nn.relu(normal(2, *space, 3)), normal(2, *((n + 1) // 2 for n in space), 3)

    def reference(x):
        window, strides = (1, *(3,) * len(space), 1), (1, *(2,) * len(space), 1)
        pads = [(0, 0), *((1, 1),) * len(space), (0, 0)]
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)

    np.testing.assert_array_equal(overlapping_max_pool(x), reference(x))
    behind_relu = jnp.where(x > 0, x, normal(*x.shape) - 9)
    ours, expected = (
        jax.grad(lambda x, pool=pool: (pool(jax.nn.relu(x)) * weights).sum())(behind_relu)
        for pool in (overlapping_max_pool, reference)
    )
    np.testing.assert_allclose(ours, expected, atol=1e-6)


TINY = {"depths": (1, 1), "widths": (4, 8)}


def loop_pool(x):
    """Maximum of 3-wide windows, 2 apart, one place at a time."""
    reduced = [(n + 1) // 2 for n in x.shape[1:-1]]
    y = np.zeros((len(x), *reduced, x.shape[-1]))
    for place in itertools.product(*map(range, reduced)):
        window = tuple(slice(max(2 * p - 1, 0), 2 * p + 2) for p in place)
        y[(slice(None), *place)] = x[(slice(None), *window)].max(tuple(range(1, x.ndim - 1)))
    return y


def stem_by_loops(x, variables, stem):
    """The first layers in evaluation, in float64."""
    params = jax.tree.map(lambda w: np.asarray(w, np.float64), variables["params"]["encoder"])
    y = loop_convolution(
        np.asarray(x, np.float64), params["stem_conv"]["kernel"], 1 if stem == "small" else 2
    )
    if "batch_stats" in variables:
        scale, bias = (params["stem_norm"][name] for name in ("scale", "bias"))
        kept = variables["batch_stats"]["encoder"]["stem_norm"]
        y = (y - np.asarray(kept["mean"])) / np.sqrt(np.asarray(kept["variance"]) + 1e-5)
        y = y * scale + bias
    else:
        y = group_normalised(y, params["stem_norm"], groups=4)
    y = np.maximum(y, 0)
    return y if stem == "small" else loop_pool(y)


@pytest.mark.parametrize(
    ("stem", "space", "norm"),
    [
        ("small", (9, 6), BatchNorm),
        ("imagenet", (9, 6), GroupNorm),
        ("small", (5, 6, 4), GroupNorm),
        ("imagenet", (5, 6, 4), BatchNorm),
    ],
)
def test_sides_are_halved_rounded_up_and_values_have_names(normal, stem, space, norm):
    network = ResNet(3, stem=stem, norm=norm, **TINY)
    x = normal(2, *space, 1)
    variables = drawn(normal, network, x)
    logits, values = jax.jit(functools.partial(intermediates, network))(variables, x)
    np.testing.assert_allclose(logits, jax.jit(network.apply)(variables, x), atol=1e-5)

    def halved(times):
        return tuple(-(-n // 2**times) for n in space)

    start = 0 if stem == "small" else 2
    assert {name: value.shape for name, value in values.items()} == {
        "encoder/stem": (2, *halved(start), 4),
        "encoder/stage1": (2, *halved(start), 4),
        "encoder/stage2": (2, *halved(start + 1), 8),
        "pooled": (2, 8),
    }
    expected = stem_by_loops(x, variables, stem)
    np.testing.assert_allclose(values["encoder/stem"], expected, atol=5e-5)
    last = np.asarray(values["encoder/stage2"]).reshape(2, -1, 8)
    np.testing.assert_allclose(values["pooled"], last.mean(1), atol=1e-6)
    head = variables["params"]["head"]
    expected = np.asarray(values["pooled"]) @ head["kernel"] + head["bias"][None]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


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


def test_half_precision_stays_half_and_statistics_do_not():
    network = ResNetStages(**TINY)
    variables = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((2, 6, 6, 1)))
    train = functools.partial(network.apply, train=True, mutable=["batch_stats"])
    features, state = jax.eval_shape(train, variables, jnp.zeros((2, 6, 6, 1), jnp.bfloat16))
    assert features.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype(jnp.float32)}


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
    network = ResNet(2, **TINY | options)
    with pytest.raises(ValueError, match=words):
        jax.eval_shape(lambda key: network.init(key, jnp.zeros(shape)), jax.random.key(0))
