"""Groups allocated to parts, against every way in which they can be allocated."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import stratified_folds, stratified_split
from jaxmed.data.allocation import allocate

FRACTIONS = [(0.8, 0.2), (0.5, 0.5), (0.6, 0.2, 0.2), (0.7, 0.15, 0.15)]


def deviation(label, group, parts, fractions):
    """The sum of squares of the module's page; infinite where a part lacks a class."""
    total, off = len(label), 0.0
    for number, fraction in enumerate(fractions):
        own = label[parts[group] == number]
        counts, whole = np.bincount(own, minlength=label.max() + 1), np.bincount(label)
        if not counts.all():
            return np.inf
        off += ((counts - fraction * whole) ** 2 / whole).sum()
        off += len(whole) * (len(own) - fraction * total) ** 2 / total
    return off


@st.composite
def small_tables(draw):
    groups = draw(st.integers(3, 8))
    sizes = draw(st.lists(st.integers(1, 9), min_size=groups, max_size=groups))
    classes = draw(st.integers(1, 3))
    group = np.repeat(np.arange(groups), sizes)
    values = st.lists(st.integers(0, classes - 1), min_size=len(group), max_size=len(group))
    label = np.unique(draw(values), return_inverse=True)[1]
    return label, group


@settings(max_examples=150, deadline=None)
@given(small_tables(), st.sampled_from(FRACTIONS), st.integers(0, 99))
def test_parts_are_nearly_the_best_of_all_there_are(table, fractions, seed):
    label, group = table
    ways = itertools.product(range(len(fractions)), repeat=group.max() + 1)
    best = min(deviation(label, group, np.array(way), fractions) for way in ways)
    found = deviation(label, group, allocate(label, group, fractions, seed=seed), fractions)
    if np.isfinite(best):
        assert found <= best + 0.02 * len(label)  # a hundredth of the rows, squared, and less


@pytest.mark.parametrize("rows", range(10, 40, 2))
@pytest.mark.parametrize("grouped", [False, True])
def test_balanced_classes_are_split_at_any_size(rows, grouped):
    label = np.arange(rows) % 2
    group = np.arange(rows) if grouped else None
    parts = stratified_split(label, (0.7, 0.15, 0.15), seed=0, group=group)
    for part, fraction in zip(parts, (0.7, 0.15, 0.15), strict=True):
        assert abs(len(part) - fraction * rows) < 1 or rows == 10  # 6, 2 and 2 of 7, 1.5 and 1.5
        assert set(label[part]) == {0, 1}


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_with_most_rows_leaves_the_sizes_as_they_were_asked(seed):
    group = np.repeat(np.arange(21), [60, *[2] * 20])
    label = np.random.default_rng(seed).integers(0, 2, 100)
    train, test = stratified_split(label, (0.8, 0.2), seed=seed, group=group)
    assert (len(train), len(test)) == (80, 20)
    assert not set(group[train]) & set(group[test])


def test_a_rare_class_is_in_every_part():
    label = np.repeat([0, 1], [94, 6])
    parts = stratified_split(label, (0.8, 0.1, 0.1), seed=0)
    assert [len(part) for part in parts] == [80, 10, 10]
    assert [int(label[part].sum()) for part in parts] == [4, 1, 1]


def test_folds_differ_by_one_row_of_each_class():
    label = np.random.default_rng(0).choice(3, 1003, p=(0.6, 0.3, 0.1))
    folds = stratified_folds(label, 7, seed=0)
    counts = np.array([np.bincount(label[test]) for _, test in folds])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


@pytest.mark.parametrize("folds", [60, 300])
def test_memory_stays_small_where_nearly_every_patient_is_a_fold(folds):
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(300), random.integers(2, 40, 300))
    label = random.integers(0, 2, len(group))
    label[np.unique(group, return_index=True)[1]] = 0  # every patient has rows of both classes
    label[np.unique(group, return_index=True)[1] + 1] = 1
    tracemalloc.start()
    tests = [test for _, test in stratified_folds(label, folds, seed=0, group=group)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200e6
    assert all(set(label[test]) == {0, 1} for test in tests)
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(label)))


def test_many_kinds_of_groups_and_classes():
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(5000), random.geometric(0.05, 5000))
    label = random.integers(0, 20, len(group))
    parts = allocate(label, group, (0.8, 0.1, 0.1), seed=0)
    for number, fraction in enumerate((0.8, 0.1, 0.1)):
        share = np.bincount(label[parts[group] == number]) / np.bincount(label)
        np.testing.assert_allclose(share, fraction, atol=0.01)
