"""Attention rollout against the product that NumPy makes of the layers' weights."""

from __future__ import annotations

import numpy as np
import pytest
from explain.by_hand import formula, transformer

from jaxmed.explain import attention_rollout

_random = np.random.default_rng(0)
LAYERS = {  # rows, heads, queries, keys
    f"encoder/layer{number}/attention/weights": _random.dirichlet(np.ones(5), (2, 3, 5))
    for number in (2, 10, 1)
}
ROWS = {"image": _random.normal(size=(2, 4, 6, 1)).astype(np.float32)}


def product(*numbers):
    found = np.eye(5)[None]
    for number in numbers:
        weights = LAYERS[f"encoder/layer{number}/attention/weights"].mean(1)
        found = (weights + np.eye(5)) / 2 @ found
    return found


def test_layers_are_multiplied_in_their_order():
    found = attention_rollout(transformer(LAYERS), ROWS)
    np.testing.assert_allclose(found, product(1, 2, 10)[:, 0], rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)
    mean = attention_rollout(transformer(LAYERS), ROWS, reader="mean")
    np.testing.assert_allclose(mean, product(1, 2, 10).mean(1), rtol=1e-5)
    until = attention_rollout(transformer(LAYERS), ROWS, layer="encoder/layer2/attention/weights")
    np.testing.assert_allclose(until, product(1, 2)[:, 0], rtol=1e-5)


def test_padding_neither_reads_nor_is_read():
    weights = _random.dirichlet(np.ones(3), (2, 2, 5))
    weights = np.concatenate([weights, np.zeros((2, 2, 5, 2))], axis=-1)
    model = transformer({"attention/weights": weights})
    found = attention_rollout(model, ROWS, reader="mean")
    whole = (weights.mean(1) + np.eye(5)) / 2
    np.testing.assert_allclose(found, whole[:, :3].mean(1), rtol=1e-5)
    assert (found[:, 3:] == 0).all()


def test_patches_are_enlarged_to_the_image():
    found = attention_rollout(transformer(LAYERS), ROWS, grid=(2, 2))
    assert found.shape == (2, 4, 6)
    patches = product(1, 2, 10)[:, 0, 1:].reshape(2, 2, 2)  # behind the class token
    np.testing.assert_allclose(found[:, 0, 0], patches[:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(found[:, -1, -1], patches[:, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(found.mean((1, 2)), patches.mean((1, 2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": "inputs"}, "^layer is 'inputs', but must be the attention of a layer: choose"),
        ({"grid": (3, 2)}, r"^grid is \(3, 2\), with 6 places, but must have at most 5"),
        ({"grid": (2, 2, 1)}, r"^grid is \(2, 2, 1\), but the model reads nothing of 3 dimensions"),
        ({"target": 2}, "^target is 2, but must be 0 to 1"),
    ],
)
def test_wrong_options_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        attention_rollout(transformer(LAYERS), ROWS, **change)


def test_networks_without_attention_are_refused():
    with pytest.raises(ValueError, match=r"^model names no value 'attention/weights', but must be"):
        attention_rollout(formula(lambda x: x.sum((1, 2, 3)), column="image"), ROWS)
