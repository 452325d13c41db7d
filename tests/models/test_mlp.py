"""The multilayer perceptron against its formula."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import (
    MLP,
)


def parameters(network, x):
    variables = jax.eval_shape(lambda: network.init(jax.random.key(0), x, train=False))
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def test_the_network_of_tutorials_has_its_parameters():
    image = jnp.zeros((1, 28, 28, 1))
    # (784 + 1) * 512 + (512 + 1) * 256 + (256 + 1) * 10
    assert parameters(MLP(widths=(512, 256), outputs=10), image) == 535_818


@pytest.mark.parametrize("activation", [jax.nn.sigmoid, jnp.tanh, jax.nn.relu, jax.nn.gelu])
def test_mlp_is_its_formula(activation):
    network = MLP(widths=(5,), outputs=2, activation=activation)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    variables = network.init(jax.random.key(0), x)
    first, last = variables["params"]["Dense_0"], variables["params"]["Dense_1"]
    hidden = activation(jnp.dot(x, first["kernel"]) + first["bias"][None])
    expected = jnp.dot(hidden, last["kernel"]) + last["bias"][None]
    np.testing.assert_allclose(network.apply(variables, x), expected, rtol=1e-5, atol=1e-6)


def test_a_dropout_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"^dropout is 1.0, but must lie in \[0, 1\)"):
        MLP(widths=(3,), outputs=2, dropout=1.0).init(jax.random.key(0), jnp.ones((1, 2)))
