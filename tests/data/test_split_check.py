"""Parts of a table that are not apart are found, held to a search through all pairs of rows."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jaxmed.data import check_split, stratified_folds

RANDOM = np.random.default_rng(0)
TABLE = {
    "features": RANDOM.integers(0, 3, (60, 2)).astype(np.float32),
    "sex": np.array(["f", "m"], dtype=object)[RANDOM.integers(0, 2, 60)],
    "id": np.arange(60),
}
PARTS = {"train": np.arange(30), "validation": np.arange(30, 40), "test": np.arange(40, 60)}


def by_pairs():
    """Rows equal to one of an earlier part."""
    names = list(PARTS)
    same = {
        (a, b)
        for a, b in product(range(60), range(60))
        if (TABLE["features"][a] == TABLE["features"][b]).all()
        and TABLE["sex"][a] == TABLE["sex"][b]
    }
    part = {int(row): names.index(name) for name in names for row in PARTS[name]}
    return {b for a, b in same if part[a] < part[b]}


def test_copies_between_parts_are_counted_and_refused():
    found = check_split(TABLE, PARTS, copies_allowed=True)
    assert found.copies == len(by_pairs()) > 0
    assert found.sizes == {"train": 30, "validation": 10, "test": 20}
    with pytest.raises(ValueError, match=f"hold {found.copies} copies of rows .* in test|valid"):
        check_split(TABLE, PARTS)


def test_copies_within_a_part_or_outside_all_are_no_leak():
    rows = np.array([0, 0, 1, 1, 2])
    assert check_split({"x": rows}, {"a": [0, 1], "b": [2]}).copies == 0
    assert check_split({"x": rows}, {"a": [0], "b": [4]}).copies == 0


def test_the_digest_knows_the_parts_and_not_the_order_within_them():
    def digest(**parts):
        return check_split({"x": np.arange(9.0)}, parts).digest

    assert digest(a=[0, 1, 2], b=[3]) == digest(a=[2, 0, 1], b=[3])
    assert len({digest(a=[0, 1], b=[3]), digest(a=[3], b=[0, 1]), digest(a=[0], b=[1, 3])}) == 3


def test_groups_stay_together():
    group = np.repeat(np.arange(20), 3)
    columns = {"x": np.arange(60.0), "group": group}
    for train, test in stratified_folds(np.arange(60) % 2, 4, seed=0, group=group):
        assert check_split(columns, {"train": train, "test": test}).copies == 0
    with pytest.raises(ValueError, match="train and test both hold group 9"):
        check_split(columns, {"train": np.arange(29), "test": np.arange(29, 60)})


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"a": [0, 1], "b": [1, 2]}, "a and b both hold row 1"),
        ({"a": [0, 0], "b": [1]}, "holds row 0 twice"),
        ({"a": [0, 60], "b": [1]}, r"row numbers in 0 \.\. 59"),
        ({"a": [0]}, "two or more parts"),
    ],
)
def test_bad_parts(parts, words):
    with pytest.raises(ValueError, match=words):
        check_split({"x": np.arange(60.0)}, parts)


def test_an_outcome_is_no_input():
    given = {"outcomes": ["died", "slos"], "inputs": ["age", "slos"]}
    with pytest.raises(ValueError, match="inputs name slos, but that is an outcome"):
        check_split({"x": np.arange(4.0)}, {"a": [0], "b": [1]}, **given)
