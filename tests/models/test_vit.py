"""The vision transformer: published sizes, loops in NumPy, and tokens in their places."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models.intermediates import intermediates
from jaxmed.models.layers import StochasticDepth
from jaxmed.models.vit import ViT, patches, vit_base, vit_small, vit_tiny

RANDOM = np.random.default_rng(0)
TINY = {"patch": 2, "width": 6, "heads": 3, "layers": 2, "hidden": 5}


def normal(*shape):
    return jnp.asarray(RANDOM.normal(size=shape), jnp.float32)


def shapes(network, *shape):
    return jax.eval_shape(
        lambda key: network.init(key, jnp.zeros(shape, jnp.float32)), jax.random.key(0)
    )["params"]


def drawn(network, x):
    """Variables of which none is zero or one, without compiling an initialisation."""
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
    deep = count(shapes(ViT(3, **TINY), 1, 6, 8, 4, 1))
    assert deep - flat == 4 * 6 + (24 - 8) * 6  # 8 voxels and not 4 pixels; 24 places and not 8


def dense(x, params):
    return x @ params["kernel"] + params["bias"]


def norm(x, params):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-6) * params["scale"] + params["bias"]


def gelu(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def attention(x, params, heads):
    """Of one image [tokens, width], one query and one head at a time: outputs and weights."""
    query, key, value = np.split(dense(x, params["query_key_value"]), 3, axis=-1)
    each = x.shape[1] // heads
    seen, weights = np.zeros_like(x), np.zeros((heads, len(x), len(x)))
    for head in range(heads):
        at = slice(head * each, (head + 1) * each)
        for t in range(len(x)):
            scores = np.exp([query[t, at] @ key[s, at] / math.sqrt(each) for s in range(len(x))])
            weights[head, t] = scores / scores.sum()
            seen[t, at] = sum(weights[head, t, s] * value[s, at] for s in range(len(x)))
    return dense(seen, params["output"]), weights


def layer(x, params, heads):
    seen, weights = attention(norm(x, params["attention_norm"]), params["attention"], heads)
    x = x + seen
    hidden = gelu(dense(norm(x, params["hidden_norm"]), params["hidden"]))
    return x + dense(hidden, params["output"]), weights


def cut(image, side):
    """Patches of one image [height, width, channels], row by row."""
    height, width = (n // side for n in image.shape[:2])
    corners = [(i * side, j * side) for i in range(height) for j in range(width)]
    return np.array([image[i : i + side, j : j + side].reshape(-1) for i, j in corners])


@pytest.mark.parametrize(
    ("pooling", "registers"), [("token", 0), ("mean", 0), ("token", 2), ("mean", 3)]
)
def test_the_network_is_its_formula_and_its_values_have_names(pooling, registers):
    network = ViT(3, pooling=pooling, registers=registers, **TINY)
    x = normal(2, 6, 4, 2)
    variables = drawn(network, x)
    logits, values = jax.jit(functools.partial(intermediates, network))(variables, x)
    expected_names = {"layer1/attention/weights", "layer1/tokens"}
    expected_names |= {"layer2/attention/weights", "layer2/tokens", "pooled"}
    assert set(values) == expected_names

    params = jax.tree.map(lambda w: np.asarray(w, np.float64), variables["params"])
    for row in range(2):
        tokens = dense(cut(np.asarray(x[row], np.float64), 2), params["embedding"])
        front = [params["class_token"]] if pooling == "token" else []
        tokens = np.concatenate([*front, tokens]) + params["position"]
        if registers:
            first = len(front)
            tokens = np.concatenate([tokens[:first], params["registers"], tokens[first:]])
        for number in (1, 2):
            tokens, weights = layer(tokens, params[f"layer{number}"], heads=3)
            named = values[f"layer{number}/attention/weights"]
            np.testing.assert_allclose(named[row], weights, atol=2e-5)
            np.testing.assert_allclose(values[f"layer{number}/tokens"][row], tokens, atol=1e-4)
        tokens = norm(tokens, params["norm"])
        pooled = tokens[0] if pooling == "token" else tokens[registers:].mean(0)
        np.testing.assert_allclose(values["pooled"][row], pooled, atol=1e-4)
        np.testing.assert_allclose(logits[row], dense(pooled, params["head"]), atol=1e-4)


def test_patches_of_a_volume_are_cut_in_reading_order():
    x = normal(2, 4, 6, 2, 3)
    found = np.asarray(patches(x, (2, 3, 1)))
    corners = [(i, j, k) for i in (0, 2) for j in (0, 3) for k in (0, 1)]
    assert found.shape == (2, 8, 18)
    for number, (i, j, k) in enumerate(corners):
        expected = np.asarray(x)[:, i : i + 2, j : j + 3, k : k + 1].reshape(2, -1)
        np.testing.assert_array_equal(found[:, number], expected)


def test_a_volume_and_its_padding_rows_are_read_row_by_row():
    network = ViT(2, patch=(1, 2, 2), width=6, heads=2, layers=1, registers=1)
    x = normal(2, 2, 4, 2, 1)
    variables = drawn(network, x)
    apply = jax.jit(network.apply)
    padded = jnp.concatenate([x, jnp.full_like(x, jnp.nan)])
    found = apply(variables, padded)
    np.testing.assert_allclose(found[:2], apply(variables, x), atol=1e-5)
    assert np.isnan(found[2:]).all()


def test_gradients_with_regard_to_attention_are_finite_differences():
    network = ViT(2, **TINY)
    x = normal(1, 4, 4, 1)
    variables = drawn(network, x)
    name = "layer2/attention/weights"
    direction = normal(1, 3, 5, 5)

    @jax.jit
    def score(size):
        return intermediates(network, variables, x, added={name: size * direction})[0][0, 1]

    step = 1e-2
    expected = (score(step) - score(-step)) / (2 * step)
    assert abs(expected) > 1e-2
    np.testing.assert_allclose(jax.jit(jax.grad(score))(0.0), expected, rtol=1e-2)


def test_nothing_but_parameters_is_kept():
    network = ViT(2, **TINY)
    x = normal(1, 4, 4, 1)
    variables = jax.eval_shape(network.init, jax.random.key(0), x)
    assert set(variables) == {"params"}
    _, state = jax.eval_shape(functools.partial(network.apply, mutable=[]), variables, x)
    assert not state


def test_stochastic_depth_leaves_out_whole_rows_and_keeps_the_expectation():
    x = jnp.ones((4000, 3))
    rngs = {"dropout": jax.random.key(0)}
    found = np.asarray(StochasticDepth(0.3).apply({}, x, train=True, rngs=rngs))
    kept = found[:, 0] > 0
    expected = np.broadcast_to(kept[:, None] / 0.7, found.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # five standard deviations of a binomial share
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / len(kept))
    part = StochasticDepth(0.3).apply({}, x[:7], train=True, rngs=rngs)
    np.testing.assert_array_equal(part, found[:7])
    np.testing.assert_array_equal(StochasticDepth(0.3).apply({}, x, train=False), x)


def test_the_first_layer_is_never_left_out_and_the_last_most_often():
    network = ViT(2, stochastic_depth=0.999, **TINY)
    x = normal(8, 4, 4, 1)
    variables = drawn(network, x)
    apply = functools.partial(network.apply, mutable=["intermediates"])

    @jax.jit
    def tokens(variables):
        _, kept = apply(variables, x, train=True, rngs={"dropout": jax.random.key(1)})
        _, plain = apply(variables, x, train=False)
        return kept["intermediates"], plain["intermediates"]

    kept, plain = tokens(variables)
    np.testing.assert_allclose(kept["layer1"]["tokens"], plain["layer1"]["tokens"], atol=1e-5)
    np.testing.assert_array_equal(kept["layer2"]["tokens"], kept["layer1"]["tokens"])


@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        ({}, (2, 8, 8), r"x has shape \(2, 8, 8\), but must be images .*one channel has an axis"),
        ({"patch": (2, 2)}, (1, 4, 4, 4, 1), r"patch is \(2, 2\), but x has .*give one side for"),
        ({"patch": 3}, (1, 6, 4, 1), r"patch is \(3, 3\), but must divide .*\(6, 4\): crop, pad"),
        ({"patch": 8}, (1, 4, 4, 1), r"patch is \(8, 8\), but must divide the image's \(4, 4\)"),
        ({"patch": 0}, (1, 4, 4, 1), r"patch is 0, but must be greater than 0"),
        ({"width": 5}, (1, 4, 4, 1), "width is 5, but must be a multiple of heads, which is 3"),
        ({"layers": 0}, (1, 4, 4, 1), "layers is 0, but must be greater than 0"),
        ({"registers": -1}, (1, 4, 4, 1), "registers is -1, but must be at least 0"),
        ({"pooling": "max"}, (1, 4, 4, 1), "pooling is 'max', which is unknown"),
        ({"stochastic_depth": 1.0}, (1, 4, 4, 1), r"rate is 1.0, but must lie in \[0, 1\)"),
    ],
)
def test_what_cannot_be_is_refused(options, shape, words):
    with pytest.raises(ValueError, match=words):
        shapes(ViT(2, **TINY | options), *shape)


def test_images_of_another_size_are_refused():
    network = ViT(2, **TINY)
    variables = drawn(network, normal(1, 4, 4, 1))
    with pytest.raises(ValueError, match=r"x has 7 tokens, but .* initialised with 5: use images"):
        network.apply(variables, normal(1, 4, 6, 1))
