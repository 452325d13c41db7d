"""Stratified splits: disjoint, complete, in proportion, and groups kept whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import stratified_folds, stratified_split

FRACTIONS = [(0.8, 0.2), (0.6, 0.2, 0.2), (0.7, 0.15, 0.15), (1 / 3, 1 / 3, 1 / 3)]


def _label(rows=600):
    return np.random.default_rng(0).choice(3, size=rows, p=(0.6, 0.3, 0.1))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(FRACTIONS), st.integers(0, 2**31 - 1), st.booleans())
def test_a_split_is_a_stratified_partition(fractions, seed, grouped):
    label = _label()
    group = np.arange(len(label)) // 3 if grouped else None
    parts = stratified_split(label, fractions, seed=seed, group=group)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(label)))
    for part, fraction in zip(parts, fractions, strict=True):
        assert abs(len(part) / len(label) - fraction) < (0.05 if grouped else 0.002)
        share = np.bincount(label[part], minlength=3) / len(part)
        np.testing.assert_allclose(share, np.bincount(label) / len(label), atol=0.05)
    if grouped:
        owners = [set(group[part]) for part in parts]
        assert sum(map(len, owners)) == len(set(group)), "a group is in two parts"
    again = stratified_split(label, fractions, seed=seed, group=group)
    assert all(np.array_equal(one, two) for one, two in zip(parts, again, strict=True))


@pytest.mark.parametrize("grouped", [False, True])
def test_every_row_is_tested_once(grouped):
    label = _label()
    group = np.arange(len(label)) // 4 if grouped else None
    folds = stratified_folds(label, 5, seed=1, group=group)
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), range(600))
    for train, test in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), range(600))
        if grouped:
            assert not set(group[train]) & set(group[test])


def test_another_seed_gives_another_split():
    one, two = (stratified_split(_label(), (0.5, 0.5), seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(one, two)


RARE = np.array([0] * 20 + [1] * 2)
BAD = {
    "sum": (lambda: stratified_split(RARE, (0.5, 0.4), seed=0), r"fractions is \(0.5, 0.4\), but"),
    "rare": (
        lambda: stratified_split(RARE, (0.6, 0.2, 0.2), seed=0),
        "fractions asks for 3 parts, but class 1 has only 2 rows: ask for fewer parts",
    ),
    "one patient": (
        lambda: stratified_split(RARE, (0.5, 0.5), seed=0, group=np.arange(22).clip(0, 20)),
        "class 1 has only 1 groups",
    ),
    "folds": (lambda: stratified_folds(RARE, 5, seed=0), "folds asks for 5 parts, but class 1"),
    "one fold": (lambda: stratified_folds(RARE, 1, seed=0), "folds is 1, but must be 2 or more"),
    "several": (lambda: stratified_folds(np.eye(4, dtype=int), 2, seed=0), r"shape \(4, 4\)"),
    "measured": (lambda: stratified_folds(np.ones(4), 2, seed=0), "bin them first"),
    "empty part": (
        lambda: stratified_split(np.array([0] * 97 + [1] * 3), (0.9, 0.05, 0.05), seed=0),
        "would hold no row of class 1: enlarge it",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_get_one_sentence(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()
