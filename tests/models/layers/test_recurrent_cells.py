"""The written-out gradient of a cell against that of JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.models.layers.recurrent_cells import LSTM

ROWS, TIME, WIDTH, UNITS = 4, 6, 3, 5


def test_the_gradient_by_hand_is_that_of_jax():
    random = np.random.default_rng(3)
    shapes = ((ROWS, 4 * UNITS), (ROWS, 4 * UNITS), (ROWS, UNITS), (ROWS, UNITS))
    inputs, state, *carry = (jnp.asarray(random.normal(size=s), jnp.float32) for s in shapes)
    gradient = tuple(jnp.asarray(random.normal(size=(ROWS, UNITS)), jnp.float32) for _ in "hc")
    found = LSTM.pullback(LSTM.step(inputs, state, tuple(carry))[1], gradient)
    alone = jax.vjp(lambda *now: LSTM.step(*now)[0], inputs, state, tuple(carry))[1]
    for ours, wanted in zip(jax.tree.leaves(found), jax.tree.leaves(alone(gradient)), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-6)
