"""Residual blocks and stages against loops in NumPy."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    ResNet,
    ResNetStages,
    intermediates,
)
from jaxmed.models.layers import BatchNorm, GroupNorm
from jaxmed.models.resnet_stages import ResidualBlock

pytestmark = pytest.mark.slow  # blocks are compiled


@pytest.fixture
def normal():
    """Draws arrays of a shape; one generator a test, whatever ran before it."""
    random = np.random.default_rng(0)
    return lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)


def drawn(normal, network, *inputs):
    """Variables of which none is zero or one, without compiling an initialization."""
    expected = jax.eval_shape(lambda key: network.init(key, *inputs), jax.random.key(0))

    def draw(leaf):  # scales and variances are vectors, and positive
        if leaf.ndim == 1:
            return abs(normal(*leaf.shape)) / 3 + 0.3
        return normal(*leaf.shape) / np.float32(np.sqrt(np.prod(leaf.shape[:-1])))

    return jax.tree.map(draw, expected)


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


def batch_normalized(x, params, _groups):
    axes = tuple(range(x.ndim - 1))
    slope = params["scale"] / np.sqrt(x.var(axes) + 1e-5)
    return (x - x.mean(axes)) * slope + params["bias"]


def group_normalized(x, params, groups):
    params = params["GroupNorm_0"]
    split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    centered = split - split.mean((1, 3), keepdims=True)
    scaled = centered / np.sqrt(split.var((1, 3), keepdims=True) + 1e-5)
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
    normalized = batch_normalized if norm is BatchNorm else group_normalized

    def layer(x, name, stride=1):
        y = loop_convolution(x, weights[name.replace("*", "conv")]["kernel"], stride)
        return normalized(y, weights[name.replace("*", "norm")], groups)

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
        y = group_normalized(y, params["stem_norm"], groups=4)
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


def test_half_precision_stays_half_and_statistics_do_not():
    network = ResNetStages(**TINY)
    variables = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((2, 6, 6, 1)))
    train = functools.partial(network.apply, train=True, mutable=["batch_stats"])
    features, state = jax.eval_shape(train, variables, jnp.zeros((2, 6, 6, 1), jnp.bfloat16))
    assert features.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype(jnp.float32)}
