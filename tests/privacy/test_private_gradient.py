"""The private gradient: its bound, its noise, and what may not change it."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contracts.examples import EXAMPLES, begun
from scipy import stats
from training.linear import SGD

from jaxmed.data import batches
from jaxmed.privacy import clipped_gradient, private_mean
from jaxmed.runtime import placement
from jaxmed.training import gradients, make_train_step
from jaxmed.training.rounds import copy_arrays

TASK = EXAMPLES["multiclass"].task
COLUMNS = dict(EXAMPLES["multiclass"].columns)
STATE = begun("multiclass")
KEY = jax.random.key(5)
INFINITE = float("inf")
ROWS = [0, 4, 9, 11, 2]


@functools.cache
def program(task, **options):
    return jax.jit(private_mean(task, **options))


def made(rows, *, task=TASK, columns=COLUMNS, state=STATE, key=KEY, **options):
    """The gradient of some rows as one vector."""
    batch = jax.tree.map(jnp.asarray, batches.take(columns, np.array(rows, np.int32)))
    chosen = {"clip": INFINITE, "noise_multiplier": 0.0, "batch_size": 1.0} | options
    found, after, _ = program(task, **chosen)(state.params, state.model_state, batch, key)
    assert jax.tree.all(jax.tree.map(np.array_equal, after, state.model_state))
    return flat(found)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.mark.parametrize("name", ["multiclass", "dropout", "group norm", "word prediction"])
def test_without_noise_and_bound_it_is_the_plain_gradient(name):
    example, state = EXAMPLES[name], begun(name)
    columns = dict(example.columns)
    padded = [*ROWS, -1, -1, -1]
    batch = jax.tree.map(jnp.asarray, batches.take(columns, np.array(padded, np.int32)))
    plain, _, sums = gradients.mean(example.task)(state.params, state.model_state, batch, KEY)
    found = made(
        padded, task=example.task, columns=columns, state=state, microbatches=4,
        batch_size=float(sums["count"]),
    )  # fmt: skip
    np.testing.assert_allclose(found, flat(plain), rtol=2e-4, atol=2e-6)


def test_the_bound_holds_for_every_row():
    norms = np.array([np.linalg.norm(made([row])) for row in range(44)])
    bound = np.median(norms)
    for row, norm in enumerate(norms):
        found, plain = made([row], clip=float(bound)), made([row])
        assert np.linalg.norm(found) <= bound
        np.testing.assert_allclose(found, plain * min(1, bound / norm), rtol=1e-4, atol=1e-8)


def test_of_several_rows_each_is_clipped_by_itself():
    expected = sum(made([row], clip=0.1) for row in ROWS)
    np.testing.assert_allclose(made(ROWS, clip=0.1), expected, rtol=1e-4, atol=1e-7)
    assert np.linalg.norm(made(ROWS, clip=0.1)) > 0.1


def test_parts_change_nothing_but_rounding():
    padded = [*ROWS, -1, -1, -1]
    whole = made(padded, clip=0.1, noise_multiplier=1.0)
    for microbatches in (2, 4, 8):
        parts = made(padded, clip=0.1, noise_multiplier=1.0, microbatches=microbatches)
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)


def test_padding_counts_nothing():
    """The row that stands in for padding is not there, and the divisor is no count."""
    options = {"clip": 0.1, "noise_multiplier": 1.0, "batch_size": 5.0}
    without = made(ROWS, **options)
    np.testing.assert_allclose(made([*ROWS, *[-1] * 11], **options), without, rtol=1e-4, atol=1e-7)
    empty = made([-1, -1], **options | {"noise_multiplier": 0.0})
    assert (empty == 0).all()


def test_a_damaged_row_counts_as_none():
    damaged = {**COLUMNS, "features": COLUMNS["features"].copy()}
    damaged["features"][7] = np.nan
    np.testing.assert_array_equal(
        made([0, 7, 4], columns=damaged, clip=0.1), made([0, -1, 4], clip=0.1)
    )


def test_the_noise_has_the_stated_deviation():
    draws = np.concatenate(
        [
            made([-1], clip=0.5, noise_multiplier=3.0, batch_size=10.0, key=jax.random.key(seed))
            for seed in range(40)
        ]
    )
    assert len(draws) > 3000
    assert stats.kstest(draws / (0.5 * 3.0 / 10.0), "norm").pvalue > 1e-3


def test_two_keys_and_two_leaves_draw_other_noise():
    noise = functools.partial(made, [-1], clip=1.0, noise_multiplier=1.0)
    first, second = noise(key=jax.random.key(1)), noise(key=jax.random.key(2))
    assert len(np.unique(np.concatenate([first, second]))) == 2 * len(first)
    np.testing.assert_array_equal(first, noise(key=jax.random.key(1)))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.4


def test_the_rows_of_a_unit_are_clipped_together():
    """Their gradient is that of their mean loss, whatever is padded."""
    padded = [0, 4, 9, -1, -1, -1, 11, 2]  # units of two rows; one has one, one has none
    found = made(padded, clip=0.1, rows_per_unit=2, microbatches=2)
    units = [(made([0]) + made([4])) / 2, made([9]), (made([11]) + made([2])) / 2]
    expected = sum(unit * min(1, 0.1 / np.linalg.norm(unit)) for unit in units)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("where", [placement.pmap, placement.sharded])
def test_placements_agree(where):
    rows = np.array([*ROWS, *[-1] * 11], np.int32)
    gradient = functools.partial(
        private_mean, clip=0.1, noise_multiplier=1.0, batch_size=5.0, microbatches=2
    )
    step = make_train_step(TASK, SGD, gradient=gradient)

    def after(place):
        batch = batches.take(COLUMNS, rows)
        run = place.compile(step, 0)
        return flat(run(place.state(copy_arrays(STATE)), place.shard(batch, 0))[0].params)

    np.testing.assert_allclose(after(where()), after(placement.jit()), rtol=1e-5, atol=1e-6)


def test_nothing_about_the_rows_is_reported():
    batch = jax.tree.map(jnp.asarray, batches.take(COLUMNS, np.array(ROWS, np.int32)))
    gradient = private_mean(TASK, clip=1.0, noise_multiplier=1.0, batch_size=5.0)
    _, _, sums = gradient(STATE.params, STATE.model_state, batch, KEY)
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(sums))


def test_a_clipped_gradient_never_exceeds_its_bound():
    random = np.random.default_rng(0)
    for size in (1e-15, 1e-3, 1.0, 1e3, 1e18):
        tree = {"a": jnp.float32(size * random.normal(size=(30,))), "b": jnp.float32([size])}
        found, norm = clipped_gradient(tree, 0.7)
        assert np.linalg.norm(np.float64(flat(found))) <= 0.7
        np.testing.assert_allclose(norm, np.linalg.norm(np.float64(flat(tree))), rtol=1e-4)
    broken, _ = clipped_gradient({"a": jnp.array([np.inf, 1.0])}, 0.7)
    assert (flat(broken) == 0).all()
