"""Objects matched one to one, against every matching and on images made by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from metrics.references import agree
from scipy import ndimage

from jaxmed import metrics


def instances(seed, shape=(12, 14)):
    """Two maps of touching objects with numbers that do not follow each other."""
    rng = np.random.default_rng(seed)

    def drawn(field):
        labelled, count = ndimage.label(field > 0.15)
        return np.concatenate([[0], rng.permutation(50)[:count] + 1])[labelled]

    field, noise = (ndimage.gaussian_filter(rng.normal(size=shape), 1.0) for _ in range(2))
    truth, predicted = drawn(field), drawn(field + 0.6 * noise)
    truth[rng.random(shape) < 0.05] = -1
    return truth, predicted


def overlaps(truth, predicted):
    """IoU, intersection and union of all pairs, object by object."""
    predicted = np.where(truth < 0, 0, predicted)
    numbers = [[n for n in np.unique(x) if n > 0] for x in (truth, predicted)]
    shape = tuple(len(n) for n in numbers)
    shared, union = np.zeros(shape), np.ones(shape)
    for i, j in np.ndindex(shape):
        masks = truth == numbers[0][i], predicted == numbers[1][j]
        shared[i, j] = (masks[0] & masks[1]).sum()
        union[i, j] = (masks[0] | masks[1]).sum()
    sizes = [
        np.array([(x == n).sum() for n in own])
        for x, own in zip((truth, predicted), numbers, strict=True)
    ]
    return shared, union, *sizes


def most_matches(possible):
    """The largest matching, by trying all of them."""
    if not possible.size:
        return 0
    if possible.shape[0] > possible.shape[1]:
        possible = possible.T
    rows = range(len(possible))
    return max(
        sum(possible[i, j] for i, j in zip(rows, columns, strict=True))
        for columns in itertools.permutations(range(possible.shape[1]), len(possible))
    )


@pytest.mark.parametrize("seed", range(6))
def test_matches_are_the_most_that_are_possible(seed):
    truth, predicted = instances(seed)
    shared, union, true_sizes, sizes = overlaps(truth, predicted)
    thresholds = (0.0, 0.1, 0.3, 0.5, 0.75)
    found = metrics.object_agreement(truth, predicted, thresholds=thresholds)
    assert (found.true_objects, found.predicted_objects) == (len(true_sizes), len(sizes))
    for place, threshold in enumerate(thresholds):
        hits = most_matches(shared / union > threshold)
        assert found.matches[place] == hits
        agree(found.precision[place], hits / len(sizes))
        agree(found.sensitivity[place], hits / len(true_sizes))
        agree(found.f1[place], 2 * hits / (len(sizes) + len(true_sizes)))


def test_greedy_matching_would_find_less():
    """Object 1 shares most with prediction 1, which is all that object 2 shares with anything."""
    truth = np.array([[1, 1, 1, 1, 1, 1, 2, 2]])
    predicted = np.array([[2, 2, 2, 1, 1, 1, 1, 1]])
    # IoU: 1 with 1 is 3/8, 1 with 2 is 3/6, 2 with 1 is 2/5.
    found = metrics.object_agreement(truth, predicted, thresholds=(0.35, 0.39, 0.45))
    np.testing.assert_array_equal(found.matches, [2, 2, 1])


@pytest.mark.parametrize("seed", range(4))
def test_the_aggregated_jaccard_index_is_algorithm_1(seed):
    truth, predicted = instances(seed)
    shared, union, true_sizes, sizes = overlaps(truth, predicted)
    part = whole = 0
    used = set()
    for i in range(len(true_sizes)):
        j = int((shared[i] / union[i]).argmax())
        if shared[i, j] == 0:
            whole += true_sizes[i]
            continue
        part, whole = part + shared[i, j], whole + union[i, j]
        used.add(j)
    whole += sum(size for j, size in enumerate(sizes) if j not in used)
    agree(metrics.aggregated_jaccard(truth, predicted), part / whole)


def test_images_without_objects():
    empty, some = np.zeros((4, 4), int), np.zeros((4, 4), int)
    some[1, 1:3] = 7
    for truth, predicted, expected in ((empty, empty, 1), (some, empty, 0), (empty, some, 0)):
        found = metrics.object_agreement(truth, predicted, thresholds=(0.3, 0.5))
        for values in (found.f1, found.precision, found.sensitivity):
            np.testing.assert_array_equal(values, expected)
        assert metrics.aggregated_jaccard(truth, predicted) == expected
    unlabelled = np.where(some, -1, 0)
    assert metrics.object_agreement(unlabelled, some).f1 == 1


def test_many_small_objects_in_a_volume():
    grid = np.zeros((16, 32, 32), int)
    grid[::2, ::2, ::2] = np.arange(1, 1 + 8 * 16 * 16).reshape(8, 16, 16) * 1000
    found = metrics.object_agreement(grid, np.where(grid % 3000 == 0, 0, grid), thresholds=(0.2,))
    assert found.matches[0] == found.predicted_objects == (grid % 3000 > 0).sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"thresholds": (1.0,)}, r"thresholds\[0\] is 1\.0, but must lie in \[0, 1\)"),
        ({"thresholds": ()}, "thresholds is empty"),
        ({"truth": np.full((2, 2), -2)}, "truth holds -2, but must lie in -1"),
    ],
)
def test_bad_arguments_are_named(change, message):
    good = {"truth": np.eye(2, dtype=int), "predicted": np.eye(2, dtype=int)}
    with pytest.raises(ValueError, match=message):
        metrics.object_agreement(**(good | change))
