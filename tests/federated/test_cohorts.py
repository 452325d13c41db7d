"""The rows of a round, counted one by one."""

from __future__ import annotations

from collections import Counter

import jax
import numpy as np
import pytest

from jaxmed.federated import CohortOrder, Cohorts

CLIENT = np.array([2, 0, 2, 1, 2, 0, 2, 2, 1, 2])  # 2, 2 and 6 rows
KEY = jax.random.key(1)


def of_round(order, number, key=KEY):
    lines = order(key, number, len(CLIENT), order.rows)
    assert lines.shape == (1, order.rows)
    return lines.reshape(order.size, order.steps, -1)


def test_each_client_goes_through_its_rows_once_per_epoch():
    order = CohortOrder(CLIENT, Cohorts(batch_size=4, epochs=3))
    assert order.steps == 6  # of the client with six rows: two per epoch
    for own, client in zip(of_round(order, 0), range(3), strict=True):
        rows = np.flatnonzero(client == CLIENT)
        assert Counter(own[own >= 0].tolist()) == dict.fromkeys(rows.tolist(), 3)
        per_epoch = -(-len(rows) // 4)
        for epoch in range(3):
            part = own[epoch * per_epoch :][:per_epoch]
            assert sorted(part[part >= 0]) == rows.tolist()
        assert (own[3 * per_epoch :] < 0).all()


def test_a_round_is_a_function_of_key_and_number():
    order = CohortOrder(CLIENT, Cohorts(batch_size=2, size=2))
    first = of_round(order, 0)
    np.testing.assert_array_equal(first, of_round(order, 0))
    others = [of_round(order, 1), of_round(order, 0, jax.random.key(2))]
    assert all((first != other).any() for other in others)


def test_steps_bound_what_large_clients_do():
    order = CohortOrder(CLIENT, Cohorts(batch_size=2, epochs=5, steps=3))
    assert [(own >= 0).any(1).sum() for own in of_round(order, 0)] == [3, 3, 3]


def test_clients_are_drawn_without_replacement_and_equally_often():
    order = CohortOrder(CLIENT, Cohorts(batch_size=8, size=2))
    seen = Counter()
    for number in range(600):
        own = [set(CLIENT[rows[rows >= 0]]) for rows in of_round(order, number)]
        assert all(len(each) == 1 for each in own)
        assert own[0] != own[1]
        seen.update(int(next(iter(each))) for each in own)
    assert all(abs(count / 600 - 2 / 3) < 0.07 for count in seen.values())


def test_drop_outs_are_as_frequent_as_asked():
    order = CohortOrder(CLIENT, Cohorts(batch_size=8, dropout=0.3))
    there = np.stack([(of_round(order, n) >= 0).any((1, 2)) for n in range(600)])
    assert np.abs(there.mean(0) - 0.7).max() < 0.07
    assert (there.sum(1) == 0).any()  # rounds in which nobody reports occur


def test_poisson_sampling_draws_each_client_independently():
    order = CohortOrder(CLIENT, Cohorts(batch_size=8, size=3), sampling_rate=0.4)
    found = [of_round(order, n) for n in range(800)]
    counts = np.array([(each >= 0).any((1, 2)).sum() for each in found])
    binomial = np.array([0.216, 0.432, 0.288, 0.064])
    np.testing.assert_allclose(np.bincount(counts, minlength=4) / 800, binomial, atol=0.06)


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ([0, 2, 2], "leaves client 1 without any row"),
        ([0, -1], "must hold the client of each row, from 0"),
        ([0, 9], "names client 9, but there are only 2 rows"),
    ],
)
def test_clients_without_rows_are_refused(client, words):
    with pytest.raises(ValueError, match=words):
        CohortOrder(np.array(client), Cohorts(batch_size=2))


def test_more_clients_than_there_are_is_refused():
    with pytest.raises(ValueError, match="size is 4, but there are only 3 clients"):
        CohortOrder(CLIENT, Cohorts(batch_size=2, size=4))
    with pytest.raises(ValueError, match="at_once is 2, which does not divide size, 3"):
        Cohorts(batch_size=2, size=3, at_once=2)
    with pytest.raises(ValueError, match="dropout is 1, but must lie in"):
        Cohorts(batch_size=2, dropout=1)
