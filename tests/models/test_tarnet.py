"""Networks of treatment effects against their formulas."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import DragonNet, TARNet

X = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)


def begun(network):
    variables = network.init(jax.random.key(0), X, train=False)
    leaves, structure = jax.tree.flatten(variables["params"])
    random = np.random.default_rng(1)
    leaves = [random.normal(size=leaf.shape).astype(np.float32) for leaf in leaves]
    return jax.tree.unflatten(structure, leaves)


def head(params, arm, h, layers):
    for number in range(layers):
        h = h @ params[f"outcome{arm}"][f"Dense_{number}"]["kernel"]
        h = h + params[f"outcome{arm}"][f"Dense_{number}"]["bias"]
        h = np.tanh(h) if number < layers - 1 else h
    return h[:, 0]


def test_tarnet_is_its_formula():
    network = TARNet((4,), (2, 3), projections=2, activation=jnp.tanh)
    params = begun(network)
    h = np.asarray(X) @ params["projections"]["kernel"]
    h = np.tanh(h @ params["shared1"]["kernel"] + params["shared1"]["bias"])
    expected = np.stack([head(params, arm, h, 3) for arm in (0, 1)], axis=1)
    found, representation = network.apply({"params": params}, X, method="represented")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(representation, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.apply({"params": params}, X), found)


def test_dragonnet_adds_log_odds_and_one_number():
    network = DragonNet((4,), (3,), activation=jnp.tanh)
    params = begun(network)
    found, h = network.apply({"params": params}, X, method="represented")
    expected = [head(params, arm, np.asarray(h), 2) for arm in (0, 1)]
    log_odds = np.asarray(h) @ params["propensity"]["kernel"] + params["propensity"]["bias"]
    np.testing.assert_allclose(found[:, :2], np.stack(expected, 1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[:, 2:3], log_odds, rtol=1e-5)
    np.testing.assert_allclose(found[:, 3], np.full(5, params["perturbation"][0, 0]))


@pytest.mark.parametrize("kind", [TARNet, DragonNet])
def test_a_network_without_hidden_layers_is_refused(kind):
    with pytest.raises(ValueError, match=r"^widths and head_widths are empty, .* use models.MLP"):
        kind((), ())
