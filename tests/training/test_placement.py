"""One step, three placements, equal parameters: for every task."""

from __future__ import annotations

import functools

import jax
import numpy as np
import optax
import pytest
from training.examples import EXAMPLES, NAMES

from jaxmed.data import batches
from jaxmed.training import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step

BATCH = 16


def three_steps(where, name):
    task, columns = EXAMPLES[name].task, EXAMPLES[name].columns
    # SGD: Adam turns rounding noise into whole steps wherever the true gradient is zero.
    optimizer = optax.sgd(0.1)
    state = init_state(task, optimizer, jax.random.key(0), columns)
    rows = batches.shuffled_rows(jax.random.key(1), 0, len(columns["label"]), BATCH)
    assert rows.shape == (3, BATCH)
    assert int((rows < 0).sum()) == 4  # uneven padding: all on the last devices
    run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
    return run(where.whole(state), where.whole(dict(columns)), where.divided(rows, 1))


@functools.cache
def on_one_device(name):
    return three_steps(placement.jit(), name)


def expect_equal(ours, reference):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, reference
    )


@pytest.mark.parametrize("place", [placement.pmap, placement.sharded])
@pytest.mark.parametrize("name", NAMES)
def test_eight_devices_end_with_the_parameters_of_one(name, place):
    assert place().devices == 8
    state, sums = three_steps(place(), name)
    expected, expected_sums = on_one_device(name)
    expect_equal(state.params, expected.params)
    expect_equal(state.model_state, expected.model_state)
    expect_equal(sums, expected_sums)


@pytest.mark.parametrize("place", [placement.jit, placement.pmap, placement.sharded])
def test_a_streamed_step_equals_the_scanned_one(place):
    example, optimizer, where = EXAMPLES["multiclass"], optax.sgd(0.1), place()
    state = init_state(example.task, optimizer, jax.random.key(0), example.columns)
    step = where.compile(make_train_step(example.task, optimizer), 0)
    state = where.whole(state)
    rows = batches.shuffled_rows(jax.random.key(1), 0, 44, BATCH)
    for batch in batches.host_batches(example.columns, rows):
        state, _ = step(state, where.divided(batch, 0))
    expected, _ = on_one_device("multiclass")
    expect_equal(state.params, expected.params)


def test_a_batch_that_the_devices_do_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 20, which 8 devices.*such as 16"):
        placement.pmap().check(20)
