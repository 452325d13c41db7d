"""What a placement does with trees, steps and rows; contracts/ has every task on each."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from contracts.examples import EXAMPLES, ROWS

from jaxmed.data import batches
from jaxmed.runtime import placement
from jaxmed.training.epoch import make_epoch
from jaxmed.training.step import init_state, make_train_step

BATCH = 16


def expect_equal(ours, reference):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6), ours, reference
    )


def begun(optimizer):
    example = EXAMPLES["multiclass"]
    columns = dict(example.columns)
    state = init_state(example.task, optimizer, jax.random.key(0), columns)
    rows = batches.shuffled_rows(jax.random.key(1), 0, ROWS, BATCH)
    return example.task, columns, state, rows


@pytest.mark.parametrize("place", [placement.jit, placement.pmap, placement.sharded])
def test_a_step_over_single_batches_equals_the_scanned_one(place):
    optimizer, where = optax.sgd(0.1), place()
    task, columns, state, rows = begun(optimizer)
    step = make_train_step(task, optimizer)
    expected, _ = jax.jit(make_epoch(step))(state, columns, rows)
    one, state = where.compile(step, 0), where.replicate(state)
    for batch in batches.read(columns, rows):
        state, _ = one(state, where.shard(batch, 0))
    expect_equal(state.params, expected.params)


@pytest.mark.parametrize("place", [placement.jit, placement.pmap, placement.sharded])
def test_mapped_rows_come_back_in_order_as_numpy_arrays(place):
    where = place()
    x = np.arange(48, dtype=np.float32).reshape(16, 3)

    def row_sums(factor, batch):
        return {"sum": factor * batch["x"].sum(1), "twice": 2 * batch["x"]}

    run = where.map_rows(row_sums)
    found = run(where.replicate(np.float32(3)), where.shard({"x": x}, 0))
    assert all(type(value) is np.ndarray for value in found.values())
    np.testing.assert_allclose(found["sum"], 3 * x.sum(1))
    np.testing.assert_array_equal(found["twice"], 2 * x)


def test_one_placement_is_the_same_object_each_time():
    """So that a second `fit` finds the programs of the first."""
    for place in (placement.jit, placement.pmap, placement.sharded):
        assert place() is place()
    assert placement.sharded(shard_from=8) is not placement.sharded()


def test_a_wide_layer_and_its_moments_are_sharded_and_learn_as_if_whole():
    optimizer = optax.sgd(0.1, momentum=0.9)
    task, columns, state, rows = begun(optimizer)
    ends = []
    for where in (placement.jit(), placement.sharded(shard_from=16)):
        run = where.compile(make_epoch(make_train_step(task, optimizer)), 1)
        own = jax.tree.map(jnp.copy, state)
        ends.append(run(where.state(own), where.replicate(columns), where.shard(rows, 1)))
    (whole, sums), (divided, divided_sums) = ends
    expect_equal(divided_sums, sums)
    expect_equal(where.to_host(divided).params, whole.params)
    pairs = zip(jax.tree.leaves(divided.params), jax.tree.leaves(divided.opt_state), strict=False)
    for leaf, moment in pairs:
        axis = placement.sharded_axis(leaf.shape, devices=8, min_size=16)
        parts = 1 if axis is None else 8
        assert leaf.addressable_shards[0].data.size == leaf.size // parts
        assert moment.sharding.is_equivalent_to(leaf.sharding, leaf.ndim)
    assert any(
        placement.sharded_axis(leaf.shape, devices=8, min_size=16) is not None
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
    assert placement.sharded_axis(shape, devices=8, min_size=16) == axis
    assert placement.sharded_axis(shape, devices=8, min_size=None) is None


def test_a_batch_that_the_devices_do_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"batch_size is 20, which 8 devices.*such as 16"):
        placement.pmap().check(20)
