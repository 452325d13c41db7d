"""Shapley values against SHAP's, against all orders of the players, and in closed form."""

from __future__ import annotations

import itertools
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from explain.by_hand import formula

from jaxmed import tasks
from jaxmed.explain import exact_shapley, kernel_shap
from jaxmed.models import MLP
from jaxmed.tasks import Model

_random = np.random.default_rng(0)
X = _random.normal(size=(3, 4)).astype(np.float32)
BACKGROUND = _random.normal(size=(5, 4)).astype(np.float32)


def score(x):
    return jnp.sin(x[:, 0] * x[:, 1]) + x[:, 2] * jnp.abs(x[:, 3]) * x[:, 0] + x[:, 1]


MODEL = formula(score)


def by_orders(x, players):
    """The mean gain of each player over all orders in which they come: Shapley's definition."""
    count, gains = max(players) + 1, []

    def value(coalition):
        rows = BACKGROUND.copy()
        inside = [i for i, player in enumerate(players) if player in coalition]
        rows[:, inside] = x[inside]
        return float(np.asarray(score(rows)).mean())

    for order in itertools.permutations(range(count)):
        found = np.zeros(count)
        for place, player in enumerate(order):
            found[player] = value(order[: place + 1]) - value(order[:place])
        gains.append(found)
    return np.mean(gains, axis=0)


@pytest.mark.parametrize("method", [exact_shapley, kernel_shap])
@pytest.mark.parametrize("batch_size", [3, 100])
def test_values_are_the_mean_gain_over_all_orders(method, batch_size):
    found = method(
        MODEL, {"features": X}, {"features": BACKGROUND}, target="ill", batch_size=batch_size
    )
    expected = [by_orders(x, (0, 1, 2, 3)) for x in X]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", [exact_shapley, kernel_shap])
def test_features_of_a_group_play_together(method):
    groups = (0, 1, 0, 2)
    found = method(MODEL, {"features": X}, {"features": BACKGROUND}, target=1, groups=groups)
    of_players = np.array([by_orders(x, groups) for x in X])
    expected = of_players[:, [0, 1, 0, 2]] / np.array([2, 1, 2, 1])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", [exact_shapley, kernel_shap])
def test_a_single_player_gets_all(method):
    groups = np.zeros(4, int)
    found = method(MODEL, {"features": X}, {"features": BACKGROUND}, target=1, groups=groups)
    difference = score(X) - score(BACKGROUND).mean()
    np.testing.assert_allclose(found.sum(1), difference, atol=1e-6)


def test_pixels_play_with_their_channels():
    image = _random.normal(size=(2, 2, 2, 3)).astype(np.float32)
    weights = _random.normal(size=(2, 2, 3)).astype(np.float32)
    model = formula(lambda x: (x * weights[None]).sum((1, 2, 3)), column="image")
    found = exact_shapley(model, {"image": image}, {"image": image[:1] * 0}, target=1)
    expected = (image * weights).mean(-1, keepdims=True)  # of a pixel, in equal parts
    np.testing.assert_allclose(found, np.broadcast_to(expected, image.shape), atol=1e-6)


@pytest.mark.data
@pytest.mark.parametrize("method", [exact_shapley, kernel_shap])
def test_values_are_those_of_shap(method, manual_dir):
    """SHAP 0.51's exact explainer, of the probability of a perceptron on 8 features."""
    reference = np.load(manual_dir / "trust_reference.npz")
    network = MLP(widths=(16,), outputs=1)
    task = tasks.binary_classification(network, inputs=lambda batch: jnp.asarray(batch["features"]))
    params = {
        f"Dense_{i}": {
            "kernel": jnp.asarray(reference[f"mlp_w{i + 1}"], jnp.float32),
            "bias": jnp.asarray(reference[f"mlp_b{i + 1}"], jnp.float32),
        }
        for i in range(2)
    }
    rows, background = (
        {"features": reference[f"shap_{name}"].astype(np.float32)}
        for name in ("rows", "background")
    )
    made, _ = task.init(jax.random.key(0), rows, None)
    assert jax.tree.map(jnp.shape, made) == jax.tree.map(jnp.shape, params)
    found = method(
        Model(task, params, {}),
        rows,
        background,
        score=lambda outputs: outputs["probabilities"][:, 1],
    )
    np.testing.assert_allclose(found, reference["shap_exact"], atol=1e-6)


def test_too_many_predictions_are_refused_with_their_number():
    rows, background = {"features": X}, {"features": BACKGROUND}
    wide = {"features": np.zeros((2, 30), np.float32)}
    model = formula(lambda x: x.sum(1))
    with pytest.raises(ValueError, match=r"need 2,147,483,648 predictions, .*use kernel_shap"):
        exact_shapley(model, wide, {"features": wide["features"][:1]})
    some = {"features": np.zeros((2**13, 10), np.float32)}
    with pytest.raises(ValueError, match=r"^data has 8,192 rows, .*need 41,943,040 predictions"):
        exact_shapley(model, some, {"features": some["features"][:5]})
    assert exact_shapley(MODEL, rows, background).shape == X.shape


def test_what_is_refused_allocates_nothing():
    """The coalitions of 20 players have 20 MiB, and were made before."""
    wide = {"features": np.zeros((1, 20), np.float32)}
    background = {"features": np.zeros((17, 20), np.float32)}
    model = formula(lambda x: x.sum(1))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="need 17,825,792 predictions, but must need at most"):
            exact_shapley(model, wide, background)
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([0, 1], r"^groups has shape \(2,\), but must be \(4,\)"),
        ([0.5, 1, 2, 3], "^groups must hold whole numbers"),
        ([-1, 0, 1, 2], "^groups must hold whole numbers from 0"),
        ([0, 1, 3, 3], "^groups reaches to 3, but some numbers below are missing"),
    ],
)
def test_wrong_groups_are_refused(groups, words):
    with pytest.raises(ValueError, match=words):
        exact_shapley(MODEL, {"features": X}, {"features": BACKGROUND}, groups=groups)
