"""The GRU over bins against Flax's own cell."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxmed.models import BinsGRU


def test_it_is_a_gru_over_values_indicators_and_gaps():
    rng = np.random.default_rng(0)
    x = tuple(jnp.asarray(rng.normal(size=(3, 5, 2)), jnp.float32) for _ in range(3))
    network = BinsGRU(2, units=4)
    variables = network.init(jax.random.key(0), x)
    params = variables["params"]
    layer, logits = params["Recurrent_0"], params["logits"]
    width = 3 * 2
    assert layer["kernel"].shape == (width, 12)
    # Flax's GRU has a bias within the candidate's state; it is 0 here. Its gates: r, z, n.
    kernels = dict(zip("rzn", jnp.split(layer["kernel"], 3, -1), strict=True))
    recurrent = dict(zip("rzn", jnp.split(layer["recurrent_kernel"], 3, -1), strict=True))
    biases = dict(zip("rzn", jnp.split(layer["bias"], 3), strict=True))
    cell = {f"i{g}": {"kernel": kernels[g], "bias": biases[g]} for g in "rzn"}
    cell |= {f"h{g}": {"kernel": recurrent[g]} for g in "rz"}
    cell["hn"] = {"kernel": recurrent["n"], "bias": jnp.zeros(4)}
    states, carry = [], jnp.zeros((3, 4))
    for step in range(5):
        now = jnp.concatenate([part[:, step] for part in x], -1)
        carry, _ = nn.GRUCell(4).apply({"params": cell}, carry, now)
        states.append(carry)
    every = jnp.stack(states)
    pooled = jnp.concatenate([every[-1], every.mean(0), every.max(0)], -1)
    expected = pooled @ logits["kernel"] + logits["bias"][None]
    np.testing.assert_allclose(network.apply(variables, x), expected, rtol=1e-4, atol=1e-5)
