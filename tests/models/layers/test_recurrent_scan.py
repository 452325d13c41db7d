"""The gradient through time against finite differences."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmed.models.layers.recurrent_cells import GRU, LSTM, RNN
from jaxmed.models.layers.recurrent_scan import scan_cell

pytestmark = pytest.mark.slow  # every cell is compiled twice


ROWS, TIME, WIDTH, UNITS = 4, 6, 3, 5


CELLS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_gradient_is_that_of_finite_differences(name, reverse):
    cell = CELLS[name]
    random = np.random.default_rng(3)
    gates = cell.gates * UNITS
    kernel, inputs = (
        jnp.asarray(random.normal(size=s), jnp.float32)
        for s in ((UNITS, gates), (TIME, ROWS, gates))
    )
    keep = jnp.asarray(random.integers(0, 2, (ROWS, UNITS)) * 2.0, jnp.float32)
    hold = tuple(
        jnp.asarray(random.choice([0, 0.3, 1], (TIME, ROWS, UNITS)), jnp.float32)
        for _ in range(cell.carried)
    )
    weights = jnp.asarray(random.normal(size=(TIME, ROWS, UNITS)), jnp.float32)

    def loss(kernel, inputs):
        kernel, inputs = jnp.asarray(kernel), jnp.asarray(inputs)  # NumPy's, when perturbed
        return (weights * scan_cell(cell, reverse, kernel, inputs, keep, hold)).mean()

    check_grads(loss, (kernel, inputs), order=1, modes=("rev",), rtol=2e-2, atol=2e-3, eps=1e-2)
