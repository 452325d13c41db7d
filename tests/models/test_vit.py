"""The vision transformer: published sizes, loops in NumPy, and tokens in their places."""

from __future__ import annotations

import functools
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy_attention import dense, norm, transformer_layer

from jaxmed.models import (
    ViT,
    intermediates,
    vit_base,
    vit_small,
    vit_tiny,
)

TINY = {"patch": 2, "width": 6, "heads": 3, "layers": 2, "hidden": 5}


@pytest.fixture
def normal():
    """Draws arrays of a shape; one generator a test, whatever ran before it."""
    random = np.random.default_rng(0)
    return lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)


def shapes(network, *shape):
    return jax.eval_shape(
        lambda key: network.init(key, jnp.zeros(shape, jnp.float32)), jax.random.key(0)
    )["params"]


def drawn(normal, network, x):
    """Variables of which none is zero or one, without compiling an initialization."""
    return {"params": jax.tree.map(lambda w: normal(*w.shape) / 2, shapes(network, *x.shape))}


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
    ("make", "published"), [(vit_tiny, 5_717_416), (vit_small, 22_050_664), (vit_base, 86_567_656)]
)
def test_parameters_on_imagenet_are_as_many_as_published(make, published):
    assert count(shapes(make(1000), 1, 224, 224, 3)) == published


def test_parameters_of_a_volume_differ_by_patches_and_places():
    flat = count(shapes(ViT(3, **TINY), 1, 8, 4, 1))
    deep = shapes(ViT(3, **TINY), 1, 6, 8, 4, 1)
    # 8 voxels and not 4 pixels; 24 places and not 8
    assert count(deep) - flat == 4 * 6 + (24 - 8) * 6
    assert deep["position"].shape == (3, 4, 2, 6)
    assert deep["class_position"].shape == (1, 6)


def cut(image, side):
    """Patches of one image [height, width, channels], row by row."""
    height, width = (n // side for n in image.shape[:2])
    corners = [(i * side, j * side) for i in range(height) for j in range(width)]
    return np.array([image[i : i + side, j : j + side].reshape(-1) for i, j in corners])


@pytest.mark.parametrize(
    ("pooling", "registers"), [("token", 0), ("mean", 0), ("token", 2), ("mean", 3)]
)
def test_the_network_is_its_formula_and_its_values_have_names(normal, pooling, registers):
    network = ViT(3, pooling=pooling, registers=registers, **TINY)
    x = normal(2, 6, 4, 2)
    variables = drawn(normal, network, x)
    logits, values = jax.jit(functools.partial(intermediates, network))(variables, x)
    features = jax.jit(functools.partial(network.apply, method="features"))(variables, x)
    np.testing.assert_allclose(features, values["pooled"], atol=1e-6)
    expected_names = {"layer1/attention/weights", "layer1/tokens"}
    expected_names |= {"layer2/attention/weights", "layer2/tokens", "pooled"}
    assert set(values) == expected_names

    params = jax.tree.map(lambda w: np.asarray(w, np.float64), variables["params"])
    for row in range(2):
        tokens = dense(cut(np.asarray(x[row], np.float64), 2), params["embedding"])
        assert params["position"].shape == (3, 2, 6)
        front, tokens = [], tokens + params["position"].reshape(6, 6)
        if pooling == "token":
            front.append(params["class_token"] + params["class_position"])
        if registers:
            front.append(params["registers"])
        tokens = np.concatenate([*front, tokens])
        for number in (1, 2):
            tokens, weights = transformer_layer(tokens, params[f"layer{number}"], heads=3)
            found = values[f"layer{number}/attention/weights"]
            np.testing.assert_allclose(found[row], weights, atol=2e-5)
            np.testing.assert_allclose(values[f"layer{number}/tokens"][row], tokens, atol=1e-4)
        tokens = norm(tokens, params["norm"])
        pooled = tokens[0] if pooling == "token" else tokens[registers:].mean(0)
        np.testing.assert_allclose(values["pooled"][row], pooled, atol=1e-4)
        np.testing.assert_allclose(logits[row], dense(pooled, params["head"]), atol=1e-4)


def test_a_volume_and_its_padding_rows_are_read_row_by_row(normal):
    network = ViT(2, patch=(1, 2, 2), width=6, heads=2, layers=1, registers=1)
    x = normal(2, 2, 4, 2, 1)
    variables = drawn(normal, network, x)
    apply = jax.jit(network.apply)
    padded = jnp.concatenate([x, jnp.full_like(x, jnp.nan)])
    found = apply(variables, padded)
    np.testing.assert_allclose(found[:2], apply(variables, x), atol=1e-5)
    assert np.isnan(found[2:]).all()


def test_gradients_with_regard_to_attention_are_finite_differences(normal):
    network = ViT(2, **TINY)
    x = normal(1, 4, 4, 1)
    variables = drawn(normal, network, x)
    name = "layer2/attention/weights"
    direction = normal(1, 3, 5, 5)

    @jax.jit
    def score(size):
        return intermediates(network, variables, x, added={name: size * direction})[0][0, 1]

    step = 1e-2
    expected = (score(step) - score(-step)) / (2 * step)
    assert abs(expected) > 1e-2
    np.testing.assert_allclose(jax.jit(jax.grad(score))(0.0), expected, rtol=1e-2)


def test_nothing_but_parameters_is_kept(normal):
    network = ViT(2, **TINY)
    x = normal(1, 4, 4, 1)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    assert set(variables) == {"params"}
    train = functools.partial(network.apply, train=True, mutable=nn.DenyList("params"))
    _, state = jax.eval_shape(train, variables, x)
    assert set(state) == {"intermediates"}  # where they are asked for, and nothing else


def test_a_layer_is_left_out_as_often_as_it_lies_deep(normal):
    rate, rows = 0.9, 600
    network = ViT(2, pooling="mean", **TINY | {"layers": 3, "stochastic_depth": rate})
    image = normal(1, 4, 4, 1)
    x = jnp.tile(image, (rows, 1, 1, 1))
    variables = drawn(normal, network, image)

    @jax.jit
    def tokens(variables):
        rngs = {"dropout": jax.random.key(1)}
        _, kept = network.apply(variables, x, train=True, rngs=rngs, mutable=["intermediates"])
        return [kept["intermediates"][f"layer{number}"]["tokens"] for number in (1, 2, 3)]

    params = jax.tree.map(np.asarray, variables["params"])
    start = cut(np.asarray(image[0]), 2) @ params["embedding"]["kernel"]
    start = start + (params["embedding"]["bias"] + params["position"].reshape(4, 6))
    before = np.broadcast_to(start, (rows, 4, 6))
    for number, after in enumerate(map(np.asarray, tokens(variables)), 1):
        # Attention and perceptron are left out independently, each with p_l = l / L * rate.
        expected = (number / 3 * rate) ** 2
        found = np.isclose(after, before, atol=1e-4).all((1, 2)).mean()
        assert abs(found - expected) < 5 * math.sqrt(expected * (1 - expected) / rows)
        before = after


@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        ({}, (2, 8, 8), r"x has shape \(2, 8, 8\), but must be images .*one channel has an axis"),
        ({"patch": (2, 2)}, (1, 4, 4, 4, 1), r"patch is \(2, 2\), but x has .*give one side for"),
        ({"patch": 3}, (1, 6, 4, 1), r"patch is \(3, 3\), but must divide .*\(6, 4\): crop, pad"),
        ({"patch": 8}, (1, 4, 4, 1), r"patch is \(8, 8\), but must divide the image's \(4, 4\)"),
        ({"patch": 0}, (1, 4, 4, 1), r"patch is 0, but must be at least 1"),
        ({"width": 5}, (1, 4, 4, 1), "width is 5, but must be a multiple of heads, which is 3"),
        ({"layers": 0}, (1, 4, 4, 1), "layers is 0, but must be at least 1"),
        ({"registers": -1}, (1, 4, 4, 1), "registers is -1, but must be at least 0"),
        ({"pooling": "max"}, (1, 4, 4, 1), "pooling is 'max', which is unknown"),
        (
            {"stochastic_depth": 1.0},
            (1, 4, 4, 1),
            r"stochastic_depth is 1.0, but must lie in \[0, 1\)",
        ),
        ({"dropout": -0.1}, (1, 4, 4, 1), r"dropout is -0.1, but must lie in \[0, 1\)"),
    ],
)
def test_what_cannot_be_is_refused(options, shape, words):
    with pytest.raises(ValueError, match=words):
        shapes(ViT(2, **TINY | options), *shape)


@pytest.mark.parametrize("shape", [(1, 4, 6, 1), (1, 8, 2, 1), (1, 2, 2, 4, 1)])
def test_images_of_another_grid_are_refused_even_of_as_many_tokens(normal, shape):
    network = ViT(2, **TINY)
    variables = drawn(normal, network, normal(1, 4, 4, 1))
    grid = ", ".join(str(side // 2) for side in shape[1:-1])
    words = rf"grid of \({grid}\) patches, but .* initialized with \(2, 2\): use images"
    with pytest.raises(ValueError, match=words):
        network.apply(variables, jnp.zeros(shape))


def test_whole_numbers_are_refused_and_a_side_may_be_numpys():
    with pytest.raises(ValueError, match=r"x is uint8, but must be floating: normalize first, see"):
        jax.eval_shape(ViT(2, **TINY).init, jax.random.key(0), jnp.zeros((1, 4, 4, 1), jnp.uint8))
    found, expected = (
        shapes(ViT(2, **TINY | {"patch": patch}), 1, 4, 4, 1) for patch in (np.int64(2), 2)
    )
    assert found == expected
