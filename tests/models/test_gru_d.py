"""GRU-D against NumPy, step by step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import GRUD

ROWS, TIME, VARIABLES, UNITS = 3, 5, 4, 6


def inputs():
    rng = np.random.default_rng(0)
    present = (rng.random((ROWS, TIME, VARIABLES)) < 0.5).astype(np.float32)
    value = rng.normal(size=present.shape).astype(np.float32)
    elapsed = rng.uniform(0, 1, present.shape).astype(np.float32)
    return value, present, elapsed


def trained():
    """A network whose every weight is drawn, so that no term is zero."""
    network = GRUD(1, UNITS)
    x = tuple(map(jnp.asarray, inputs()))
    variables = network.init(jax.random.key(0), x)
    leaves, tree = jax.tree.flatten(variables)
    rng = np.random.default_rng(1)
    drawn = [jnp.asarray(rng.normal(0, 0.5, leaf.shape), jnp.float32) for leaf in leaves]
    return network, jax.tree.unflatten(tree, drawn), x


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_it_is_the_published_recurrence():
    network, variables, x = trained()
    p = jax.tree.map(np.asarray, variables["params"])
    value, present, elapsed = inputs()
    states, h = [], np.zeros((ROWS, UNITS))
    for t in range(TIME):
        m, d = present[:, t], elapsed[:, t]
        shrink = np.exp(-np.maximum(0, p["decay"] * d + p["decay_bias"]))
        now = m * value[:, t] + (1 - m) * shrink * value[:, t]
        gate = np.exp(-np.maximum(0, d @ p["state_decay"]["kernel"] + p["state_decay"]["bias"]))
        h = gate * h
        seen = np.concatenate([now, m], -1) @ p["inputs"]["kernel"] + p["inputs"]["bias"]
        (r, z, n), (hr, hz, hn) = (
            np.split(each, 3, axis=-1) for each in (seen, h @ p["recurrent_kernel"])
        )
        z = sigmoid(z + hz)
        h = (1 - z) * np.tanh(n + sigmoid(r + hr) * hn) + z * h
        states.append(h)
    states = np.array(states)
    pooled = np.concatenate([states[-1], states.mean(0), states.max(0)], axis=-1)
    expected = pooled @ p["logits"]["kernel"] + p["logits"]["bias"]
    np.testing.assert_allclose(network.apply(variables, x), expected, rtol=1e-4, atol=1e-5)


def test_decay_learns():
    network, variables, x = trained()
    gradient = jax.grad(lambda v: network.apply(v, x).sum())(variables)["params"]
    for name in ("decay", "recurrent_kernel"):
        assert np.abs(np.asarray(gradient[name])).max() > 1e-4
    assert np.abs(np.asarray(gradient["state_decay"]["kernel"])).max() > 1e-4


def test_dropout_draws_in_training_alone():
    network, variables, x = trained()
    first, second = (
        network.apply(variables, x, train=True, rngs={"dropout": jax.random.key(seed)})
        for seed in (0, 1)
    )
    assert np.abs(np.asarray(first - second)).max() > 1e-3


def test_units_are_counted():
    with pytest.raises(ValueError, match="units is 0, but must be at least 1"):
        GRUD(1, 0)
