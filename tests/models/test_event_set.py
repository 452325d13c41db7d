"""The encoder of events: a set, whatever the padding and the order."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import EventSet

RNG = np.random.default_rng(0)
NUMBER = np.array([[1, 3, 2, 3, 0, 0], [2, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
REAL = NUMBER > 0
TIME = np.where(REAL, RNG.uniform(0, 1, NUMBER.shape), 0).astype(np.float32)
VALUE = np.where(REAL, RNG.normal(size=NUMBER.shape), 0).astype(np.float32)


def begun(layers):
    network = EventSet(2, kinds=3, width=8, heads=2, layers=layers)
    x = tuple(map(jnp.asarray, (NUMBER, TIME, VALUE)))
    return network, network.init(jax.random.key(0), x), x


@pytest.mark.parametrize("layers", [0, 1])
def test_order_and_padding_have_no_effect(layers):
    network, variables, x = begun(layers)
    expected = network.apply(variables, x)
    assert expected.shape == (3, 2)
    turned = tuple(part[:, jnp.array([5, 2, 0, 4, 3, 1])] for part in x)
    np.testing.assert_allclose(network.apply(variables, turned), expected, rtol=1e-4, atol=1e-5)
    longer = tuple(jnp.pad(part, [(0, 0), (0, 3)]) for part in x)
    np.testing.assert_allclose(network.apply(variables, longer), expected, rtol=1e-4, atol=1e-5)
    noise = jnp.where(x[0] > 0, x[2], 7.0)
    found = network.apply(variables, (x[0], x[1], noise))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_time_value_and_variable_matter():
    network, variables, x = begun(0)
    expected = np.asarray(network.apply(variables, x))
    for place, changed in enumerate((jnp.where(x[0] == 3, 1, x[0]), x[1] + 0.3, x[2] * 2)):
        other = tuple(changed if i == place else part for i, part in enumerate(x))
        assert np.abs(np.asarray(network.apply(variables, other)) - expected)[0].max() > 1e-4


def test_heads_average_with_softmax_weights():
    """One stay by hand, from the parameters."""
    network, variables, _ = begun(0)
    p = jax.tree.map(np.asarray, variables["params"])
    number, time, value = NUMBER[0, :4], TIME[0, :4], VALUE[0, :4]

    def dense(x, name):
        return x @ p[name]["kernel"] + p[name].get("bias", 0)

    event = p["variable"]["embedding"][number] + p["slope"]["embedding"][number] * value[:, None]
    for name, of in (("time", time), ("value", value)):
        event = event + dense(np.tanh(dense(of[:, None], f"{name}_in")), f"{name}_out")
    event = np.maximum(dense(event, "event"), 0)
    scores = dense(np.tanh(dense(event, "Dense_0")), "scores")
    weights = np.exp(scores) / np.exp(scores).sum(0)
    pooled = np.concatenate([*(weights.T @ event), [np.log(5) / 6]])
    hidden = np.maximum(dense(pooled, "hidden"), 0)
    expected = dense(np.concatenate([pooled, hidden]), "logits")
    found = network.apply(variables, tuple(map(jnp.asarray, (NUMBER, TIME, VALUE))))
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="width is 6, but must be a multiple of the 4 heads"):
        EventSet(1, 3, width=6, heads=4)
