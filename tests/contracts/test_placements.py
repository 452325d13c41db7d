"""One step, three placements, equal parameters: for every kind of task."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, NAMES, ROWS, begun

from jaxmed.data import batches
from jaxmed.runtime import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import make_train_step

BATCH = 16


def three_steps(where, name):
    task, columns = EXAMPLES[name].task, dict(EXAMPLES[name].columns)
    # SGD: Adam turns rounding noise into whole steps wherever the true gradient is zero.
    optimizer = optax.sgd(0.1 if name != "variational" else 1e-3)
    state = jax.tree.map(jnp.copy, begun(name))  # it is donated
    rows = batches.shuffled_rows(jax.random.key(1), 0, ROWS, BATCH)
    assert rows.shape == (3, BATCH)
    assert int((rows < 0).sum()) == 4  # uneven padding: all on the last devices
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    return run(where.replicate(state), where.replicate(columns), where.shard(rows, 1))


def expect_equal(ours, reference):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, reference
    )


@pytest.mark.parametrize("name", NAMES)
def test_eight_devices_end_with_the_parameters_of_one(name):
    expected, expected_sums = three_steps(placement.jit(), name)
    assert np.isfinite(expected_sums["loss"]).all()
    for place in (placement.pmap(), placement.sharded()):
        assert place.devices == 8
        state, sums = three_steps(place, name)
        expect_equal(state.params, expected.params)
        expect_equal(state.model_state, expected.model_state)
        expect_equal(sums, expected_sums)
