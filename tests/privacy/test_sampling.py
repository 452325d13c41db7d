"""Poisson batches: how many, which, and where they lie."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from jaxmed.privacy import PoissonOrder

KEY = jax.random.key(3)


def drawn(order, rows, epochs=1):
    size = order.capacity * order.rows_per_unit
    return np.concatenate([order(KEY, epoch, rows, size) for epoch in range(epochs)])


def test_sizes_and_members_are_those_of_independent_draws():
    order = PoissonOrder(0.1, 60)
    lines = drawn(order, 200, epochs=100)
    assert lines.shape == (1000, 60)
    sizes = (lines >= 0).sum(1)
    expected = stats.binom(200, 0.1)
    bins = [0, 14, 17, 19, 21, 23, 26, 61]
    observed, _ = np.histogram(sizes, bins)
    share = np.diff(expected.cdf(np.array(bins) - 1))
    assert stats.chisquare(observed, 1000 * share / share.sum()).pvalue > 1e-3
    counts = np.bincount(lines[lines >= 0], minlength=200)
    assert stats.chisquare(counts).pvalue > 1e-3
    # Two rows come together as often as if neither knew of the other.
    there = np.zeros((1000, 200), bool)
    for line, rows in zip(there, lines, strict=True):
        line[rows[rows >= 0]] = True
    together = (there[:, :-1] & there[:, 1:]).sum()
    assert abs(together - 1000 * 199 * 0.01) < 5 * np.sqrt(1000 * 199 * 0.01)


def test_no_row_comes_twice_in_a_batch():
    for line in drawn(PoissonOrder(0.3, 60), 100):
        rows = line[line >= 0]
        assert len(np.unique(rows)) == len(rows)


def test_it_is_a_function_of_key_and_epoch():
    order = PoissonOrder(0.3, 60)
    np.testing.assert_array_equal(order(KEY, 1, 100, 60), order(KEY, 1, 100, 60))
    assert not np.array_equal(order(KEY, 1, 100, 60), order(KEY, 2, 100, 60))
    assert not np.array_equal(order(KEY, 1, 100, 60), order(jax.random.key(4), 1, 100, 60))


def test_an_epoch_expects_each_row_once():
    assert PoissonOrder(0.3, 60).steps_per_epoch(100, 60) == 4
    assert len(drawn(PoissonOrder(0.3, 60), 100)) == 4
    assert PoissonOrder(1.0, 100).steps_per_epoch(100, 100) == 1


def test_what_does_not_fit_stays_out():
    lines = drawn(PoissonOrder(0.5, 20), 100)
    assert (lines >= 0).all()


def test_units_fill_part_after_part():
    """Part j of the gradient has the places j, j + parts, ...: the last parts are empty."""
    for line in drawn(PoissonOrder(0.1, 32, microbatches=8), 100):
        part = line.reshape(4, 8).T >= 0
        filled = part.ravel()
        assert (filled == (np.arange(32) < filled.sum())).all()


def test_the_rows_of_a_group_come_together():
    groups = np.array([5, 1, 1, 5, 1, 1, 9])
    order = PoissonOrder(0.5, 4, microbatches=2, rows_per_unit=2, groups=groups)
    seen = set()
    for line in drawn(order, 7, epochs=50):
        for pair in line.reshape(4, 2):
            rows = pair[pair >= 0]
            assert len(np.unique(groups[rows])) <= 1
            assert len(rows) in (0, min(2, (groups == groups[pair[0]]).sum()))
            seen |= set(rows.tolist())
        chosen = groups[line.reshape(4, 2)[:, 0]][line.reshape(4, 2)[:, 0] >= 0]
        assert len(np.unique(chosen)) == len(chosen)
    assert seen == set(range(7))  # of four rows, other two at other steps


def test_the_names_of_patients_are_not_shown():
    assert "731" not in repr(PoissonOrder(0.5, 4, groups=np.array([731, 5])))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampling_rate": 0}, "sampling_rate is 0"),
        ({"capacity": 0}, "capacity is 0"),
        ({"microbatches": 3}, "microbatches is 3, which does not divide capacity, 8"),
        ({"rows_per_unit": 2}, "but no groups are given"),
    ],
)
def test_bad_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        PoissonOrder(**{"sampling_rate": 0.5, "capacity": 8} | options)


def test_batches_of_another_size_and_other_splits_are_refused():
    with pytest.raises(ValueError, match="batch_size is 16, but must be capacity x rows_per_unit"):
        PoissonOrder(0.5, 8)(KEY, 0, 100, 16)
    with pytest.raises(ValueError, match="groups has 2 rows, but the split has 100"):
        PoissonOrder(0.5, 8, groups=np.array([0, 1]))(KEY, 0, 100, 8)
