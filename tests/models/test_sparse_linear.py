"""The sparse linear layer against a dense matrix product."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmed.models import SparseLinear

# Features 1 to 4 of three rows, of which the last has none.
NUMBERS = jnp.array([[2, 4, 0], [1, 2, 3], [0, 0, 0]])
VALUES = jnp.array([[0.5, 2.0, 9.0], [1.0, -1.0, 3.0], [7.0, 7.0, 7.0]])
DENSE = np.array([[0, 0.5, 0, 2], [1, -1, 3, 0], [0, 0, 0, 0]], np.float32)
PARAMS = {
    "kernel": jnp.asarray(np.random.default_rng(0).normal(size=(4, 2)), jnp.float32),
    "bias": jnp.array([0.25, -1.0]),
}


def test_outputs_and_gradients_are_those_of_a_dense_layer():
    network = SparseLinear(outputs=2, inputs=4)
    start = network.init(jax.random.key(0), (NUMBERS, VALUES))["params"]
    assert jax.tree.map(jnp.shape, start) == jax.tree.map(jnp.shape, PARAMS)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(start))

    def sparse(params):
        return network.apply({"params": params}, (NUMBERS, VALUES))

    def dense(params):
        return DENSE @ params["kernel"] + params["bias"][None]

    np.testing.assert_allclose(sparse(PARAMS), dense(PARAMS), rtol=1e-6)
    ours, theirs = (jax.grad(lambda p, f=f: jnp.sin(f(p)).sum())(PARAMS) for f in (sparse, dense))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), ours, theirs)


def test_dropout_leaves_out_features_and_keeps_the_mean():
    network = SparseLinear(outputs=2, inputs=4, dropout=0.5)

    def run(key):
        return network.apply(
            {"params": PARAMS}, (NUMBERS, VALUES), train=True, rngs={"dropout": key}
        )

    found = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 4000)))
    expected = DENSE @ PARAMS["kernel"] + PARAMS["bias"][None]
    # A feature counts 0 or 2 times: the variance of its product is the square of the product.
    deviation = np.sqrt((DENSE[:, :, None] ** 2 * np.asarray(PARAMS["kernel"]) ** 2).sum(1) / 4000)
    assert (np.abs(found.mean(0) - expected) <= 5 * deviation + 1e-5).all()
    # Row 0 has two features, so four outcomes.
    assert len(np.unique(found[:, 0, 0].round(4))) == 4


def test_no_inputs_are_refused():
    with pytest.raises(ValueError, match=r"^inputs is 0, but must be at least 1"):
        SparseLinear(2, 0).init(jax.random.key(0), (NUMBERS, VALUES))
