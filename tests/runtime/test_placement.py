"""One step, three placements, equal parameters: for every task."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training.examples import EXAMPLES, NAMES

from jaxmed.data import batches
from jaxmed.runtime import placement
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


def test_a_wide_layer_and_its_moments_are_divided_and_learn_as_if_whole():
    example, optimizer = EXAMPLES["multiclass"], optax.sgd(0.1, momentum=0.9)
    columns = dict(example.columns)
    state = init_state(example.task, optimizer, jax.random.key(0), columns)
    rows = batches.shuffled_rows(jax.random.key(1), 0, len(columns["label"]), BATCH)
    ends = []
    for where in (placement.jit(), placement.sharded(divide_from=16)):
        run = where.compile(make_epoch(make_train_step(example.task, optimizer)), 1)
        begun = jax.tree.map(jnp.copy, state)
        ends.append(run(where.state(begun), where.whole(columns), where.divided(rows, 1)))
    (whole, sums), (divided, divided_sums) = ends
    expect_equal(divided_sums, sums)
    expect_equal(where.gathered(divided).params, whole.params)
    pairs = zip(jax.tree.leaves(divided.params), jax.tree.leaves(divided.opt_state), strict=False)
    for leaf, moment in pairs:
        axis = placement.divided_axis(leaf.shape, devices=8, least=16)
        parts = 1 if axis is None else 8
        assert leaf.addressable_shards[0].data.size == leaf.size // parts
        assert moment.sharding.is_equivalent_to(leaf.sharding, leaf.ndim)
    assert any(
        placement.divided_axis(leaf.shape, devices=8, least=16) is not None
        for leaf in jax.tree.leaves(divided.params)
    )


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((16, 8), 0),
        ((8, 16), 1),
        ((8, 8), 1),
        ((7, 8), 1),
        ((7, 9), None),
        ((8,), None),
        ((), None),
    ],
)
def test_the_longest_axis_that_the_devices_divide_is_divided(shape, axis):
    assert placement.divided_axis(shape, devices=8, least=16) == axis
    assert placement.divided_axis(shape, devices=8, least=None) is None


def test_a_batch_that_the_devices_do_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 20, which 8 devices.*such as 16"):
        placement.pmap().check(20)
