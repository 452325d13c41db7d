"""Rank correlations against SciPy, shared parts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from jaxmed import explain


def maps():
    random = np.random.default_rng(0)
    first = random.normal(size=(5, 6, 6))
    return {
        "a": first,
        "b": np.round(first + random.normal(size=first.shape), 1)[..., None],  # with equal numbers
        "c": random.normal(size=first.shape),
    }


def test_rank_correlations_are_those_of_scipy():
    found = explain.agreement(maps(), absolute=False)
    signed = [each.reshape(5, -1) for each in maps().values()]
    for i in range(3):
        for j in range(3):
            expected = [stats.spearmanr(x, y)[0] for x, y in zip(signed[i], signed[j], strict=True)]
            np.testing.assert_allclose(found.correlations[i, j], expected, atol=1e-12)
            assert found.correlation[i, j] == pytest.approx(np.mean(expected))
    sizes = explain.agreement({name: np.abs(each) for name, each in maps().items()}, absolute=False)
    np.testing.assert_allclose(explain.agreement(maps()).correlation, sizes.correlation)


def test_shared_parts_by_hand():
    first = np.array([[9.0, 8, 1, 0], [4, 3, 2, 1]])
    second = np.array([[9.0, 1, 8, 0], [4, 3, 1, 2]])
    found = explain.agreement({"a": first, "b": second}, top=0.5)
    np.testing.assert_allclose(found.overlaps[0, 1], [0.5, 1])
    np.testing.assert_allclose(found.overlap, [[1, 0.75], [0.75, 1]])


def test_a_constant_map_has_no_rank_correlation_and_shares_as_much_as_chance():
    random = np.random.default_rng(1)
    rows = random.normal(size=(200, 100))
    constant = np.zeros((200, 100))
    constant[0, 0] = 1
    found = explain.agreement({"a": rows, "b": constant}, top=0.1)
    assert np.isnan(found.correlations[0, 1, 1:]).all()
    assert found.correlation[0, 1] == pytest.approx(found.correlations[0, 1, 0])
    assert found.overlap[0, 1] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": {"a": np.ones((2, 3))}}, "maps is .*at least two methods"),
        ({"maps": {"a": np.ones((2, 3)), "b": np.ones((2, 4))}}, r"maps\['b'\] has shape \(2, 4\)"),
        ({"top": 0}, r"top is 0, but must lie in \(0, 1\]"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        explain.agreement(**{"maps": maps(), **change})
