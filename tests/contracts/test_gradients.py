"""The gradient of every kind of task against finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, NAMES, begun

from jaxmed.data import batches
from jaxmed.training import gradients


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_finite_differences(name):
    example = EXAMPLES[name]
    rows = np.array([0, 4, 9, 11, 2, -1], np.int32)
    batch = jax.tree.map(jnp.asarray, batches.take(dict(example.columns), rows))
    state = begun(name)
    random = np.random.default_rng(0)
    # First values have exact zeros and ties, at which a ReLU and a maximum have no derivative.
    away = [0.1 * random.normal(size=leaf.shape) for leaf in jax.tree.leaves(state.params)]
    leaves, structure = jax.tree.flatten(state.params)
    leaves = [leaf + jnp.float32(step) for leaf, step in zip(leaves, away, strict=True)]
    params = jax.tree.unflatten(structure, leaves)
    model_state = state.model_state
    key = jax.random.key(1)
    values = [random.normal(size=leaf.shape) for leaf in leaves]
    length = np.sqrt(sum((value**2).sum() for value in values))
    direction = jax.tree.unflatten(structure, [jnp.float32(value / length) for value in values])

    gradient = jax.jit(gradients.mean(example.task))

    def loss_along(distance):
        moved = jax.tree.map(lambda p, d: p + distance * d, params, direction)
        _, _, sums = gradient(moved, model_state, batch, key)
        return sums["loss"] / sums["count"]

    grads, _, _ = gradient(params, model_state, batch, key)
    slope = sum(jax.tree.leaves(jax.tree.map(jnp.vdot, grads, direction)))
    difference = (loss_along(2e-3) - loss_along(-2e-3)) / 4e-3
    np.testing.assert_allclose(slope, difference, rtol=1e-2, atol=2e-4)
