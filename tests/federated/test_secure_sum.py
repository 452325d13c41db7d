"""Masks that cancel, and sums of integers that are exact."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from federated.federation import CLIENT, RATE, train, weight_of

from jaxmed.federated import (
    Cohorts,
    fed_avg,
    fixed_point,
    from_fixed_point,
    masked_update,
    pair_masks,
    resolution,
)

KEY = jax.random.key(9)
CLIENTS = 5
REPORTS = np.array([True, True, False, True, True])
NUMBERS = np.random.default_rng(0).uniform(-2, 2, (CLIENTS, 40)).astype(np.float32)


@pytest.fixture(scope="module")
def masks():
    like = {"a": np.zeros(40), "b": np.zeros((3, 2))}
    make = jax.jit(lambda place: pair_masks(KEY, place, REPORTS, like))
    return [jax.device_get(make(place)) for place in range(CLIENTS)]


def test_masks_add_up_to_zero_and_each_alone_looks_random(masks):
    for name in ("a", "b"):
        whole = np.stack([mask[name] for mask in masks])
        assert whole.dtype == np.uint32
        assert (whole.sum(0, dtype=np.uint32) == 0).all()
        assert (whole[2] == 0).all()  # it does not report
        assert (whole[REPORTS] != 0).all()
    words = np.concatenate([mask["a"] for mask in np.array(masks)[REPORTS]])
    bits = np.unpackbits(words.view(np.uint8))
    assert abs(bits.mean() - 0.5) < 0.05
    assert len(set(words.tolist())) == len(words)


def test_masks_of_two_clients_alone_cancel():
    """What one adds the other subtracts: the sum over a part of the clients does not vanish."""
    two = np.array([True, True, False])
    first, second = (pair_masks(KEY, place, two, np.zeros(8)) for place in (0, 1))
    np.testing.assert_array_equal(first, -second)


def test_a_masked_sum_is_that_of_the_rounded_numbers(masks):
    step = resolution(bound=2.0, clients=CLIENTS)
    words = np.stack([fixed_point(row, bound=2.0, clients=CLIENTS) for row in NUMBERS])
    sent = words + np.stack([mask["a"] for mask in masks])
    total = sent[REPORTS].sum(0, dtype=np.uint32)
    exact = np.round(NUMBERS.astype(np.float64) / step).astype(np.int64)[REPORTS].sum(0)
    np.testing.assert_array_equal(total.view(np.int32), exact)
    found = np.asarray(from_fixed_point(total, bound=2.0, clients=CLIENTS))
    true = NUMBERS[REPORTS].astype(np.float64).sum(0)
    assert np.abs(found - true).max() <= REPORTS.sum() * step / 2 + np.abs(true).max() * 2.0**-24
    assert (
        np.abs(sent[REPORTS].view(np.int32) - words[REPORTS].view(np.int32)) > 2**16
    ).mean() > 0.99


@pytest.mark.parametrize("clients", [1, 3, 8, 1000, 65536])
@pytest.mark.parametrize("bound", [1e-3, 1.0, 3.7])
def test_the_largest_sum_does_not_overflow(clients, bound):
    step = resolution(bound=bound, clients=clients)
    assert np.log2(step) == round(np.log2(step))
    for end in (-bound, bound):
        word = np.asarray(fixed_point(np.array([end], np.float32), bound=bound, clients=clients))[0]
        assert abs(clients * int(word.astype(np.uint32).view(np.int32))) <= 2**31 - 1
    assert clients * bound / step > 2**29  # a coarser step would waste bits


def test_numbers_beyond_the_bound_are_cut_off_and_nan_is_zero():
    words = fixed_point(jnp.array([9.0, -9.0, np.nan, np.inf]), bound=1.0, clients=4)
    found = from_fixed_point(words, bound=1.0, clients=4)
    np.testing.assert_array_equal(found, [1.0, -1.0, 0.0, 1.0])


def test_a_federation_learns_the_same_from_masked_changes():
    cohorts, algorithm = Cohorts(batch_size=2, dropout=0.2), fed_avg(optax.sgd(RATE))
    bound = 16.0
    masked = train(algorithm, cohorts, aggregation=masked_update(bound=bound, clients=3))
    plain = train(algorithm, cohorts)
    assert len(np.unique(CLIENT)) == 3
    step = resolution(bound=bound, clients=3)
    apart = np.abs(weight_of(masked) - weight_of(plain)).max()
    assert 0 < apart < 4 * 3 * step / 2 + 4 * np.abs(weight_of(plain)).max() * 2.0**-23
