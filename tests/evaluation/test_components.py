"""Connected components, against a flood fill in plain Python over every voxel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from jaxmed.evaluation.components import components, fill_holes, largest_component, remove_small

RNG = np.random.default_rng(0)
MAPS = [
    RNG.integers(-1, 3, (7, 8)).astype(np.int8),
    RNG.integers(0, 2, (9, 9)),
    RNG.choice([0, 0, 1, 5], (4, 5, 6)).astype(np.uint8),
    np.where(RNG.random((5, 6, 6)) < 0.7, 1, 0).astype(np.int32),
    np.zeros((3, 4), np.int8),
    np.full((2, 2, 2), 2, np.int8),
    np.full((3, 3), -1, np.int8),
]
CASES = [(labels, near) for labels in MAPS for near in range(1, labels.ndim + 1)]


def neighbors(place, shape, connectivity):
    for step in itertools.product((-1, 0, 1), repeat=len(place)):
        other = tuple(p + s for p, s in zip(place, step, strict=True))
        inside = all(0 <= o < n for o, n in zip(other, shape, strict=True))
        if 0 < sum(map(abs, step)) <= connectivity and inside:
            yield other


def flooded(allowed, start, connectivity):
    """All places that are reached from one through others that are allowed."""
    found, pending = {start}, [start]
    while pending:
        for other in neighbors(pending.pop(), allowed.shape, connectivity):
            if allowed[other] and other not in found:
                found.add(other)
                pending.append(other)
    return found


def objects(labels, connectivity, background=0):
    """(class, places) of each component, in the order of `components`."""
    found = []
    for label in np.unique(labels[(labels >= 0) & (labels != background)]):
        seen = set()
        for place in map(tuple, np.argwhere(labels == label).tolist()):
            if place not in seen:
                places = flooded(labels == label, place, connectivity)
                seen |= places
                found.append((label, places))
    return found


def at(places):
    return tuple(np.array(sorted(places)).T)


@pytest.mark.parametrize(("labels", "connectivity"), CASES)
def test_components_are_those_of_a_flood_fill(labels, connectivity):
    expected = np.zeros(labels.shape, np.int32)
    for number, (_, places) in enumerate(objects(labels, connectivity), 1):
        expected[at(places)] = number
    found = components(labels, connectivity=connectivity)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("classes", [None, (1,), (2, 5)])
@pytest.mark.parametrize(("labels", "connectivity"), CASES)
def test_only_the_largest_component_of_a_class_is_kept(labels, connectivity, classes):
    before, expected = labels.copy(), labels.copy()
    for label in np.unique(labels) if classes is None else classes:
        own = [places for each, places in objects(labels, connectivity) if each == label]
        largest = max(own, key=len, default=None)  # the first of several
        for places in own:
            if places is not largest:
                expected[at(places)] = 0
    found = largest_component(labels, classes=classes, connectivity=connectivity)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(labels, before)


@pytest.mark.parametrize("least", [0, 1, 3, 1000])
@pytest.mark.parametrize(("labels", "connectivity"), CASES)
def test_components_of_too_few_voxels_are_removed(labels, connectivity, least):
    expected = labels.copy()
    for _, places in objects(labels, connectivity):
        if len(places) < least:
            expected[at(places)] = 0
    found = remove_small(labels, voxels=least, connectivity=connectivity)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, expected)


def test_milliliters_are_counted_with_the_spacing():
    """Voxels of 2 x 5 x 10 mm: 10 of them are a milliliter."""
    labels = np.zeros((3, 5, 12), np.int8)
    labels[0, 0, :10] = 1
    labels[2, 4, :9] = 1
    found = remove_small(labels, milliliters=1, spacing=(2, 5, 10))
    assert found[0].sum() == 10
    assert not found[2].any()
    np.testing.assert_array_equal(
        remove_small(labels, milliliters=1, spacing=(2, 5, 10.1)), found * 0 + labels * (found > 0)
    )
    assert remove_small(labels, milliliters=0.9, spacing=(2, 5, 10)).sum() == 19


@pytest.mark.parametrize("classes", [None, (5, 2, 1), (1,)])
@pytest.mark.parametrize(("labels", "connectivity"), CASES)
def test_holes_are_what_no_path_reaches_from_the_border(labels, connectivity, classes):
    present = [each for each in np.unique(labels) if each > 0]
    expected = labels.copy()
    edge = np.ones(labels.shape, bool)
    edge[(slice(1, -1),) * labels.ndim] = False
    for label in present if classes is None else classes:
        if label not in present:
            continue
        open_ = labels != label
        outside = set()
        for place in map(tuple, np.argwhere(open_ & edge).tolist()):
            if place not in outside:
                outside |= flooded(open_, place, connectivity)
        for place in map(tuple, np.argwhere(expected == 0).tolist()):
            if place not in outside:
                expected[place] = label
    found = fill_holes(labels, classes=classes, connectivity=connectivity)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, expected)


def test_holes_by_hand():
    """A ring of 1 around a ring of 2 with a hole, and a ring whose voxels touch at corners only."""
    labels = np.zeros((7, 13), np.int8)
    labels[:, :7] = 1
    labels[1:6, 1:6] = 0
    labels[2:5, 2:5] = 2
    labels[3, 3] = 0
    labels[1, 10] = labels[2, [9, 11]] = labels[3, 10] = 2
    filled = fill_holes(labels, classes=(2, 1))
    assert filled[3, 3] == 2
    assert filled[1, 1] == 1
    assert filled[2, 10] == 2
    assert fill_holes(labels)[3, 3] == 1  # both enclose it, 1 comes first
    assert fill_holes(labels, connectivity=2)[2, 10] == 0  # a path leaves between the corners
    assert fill_holes(labels)[0, 8] == 0


def test_another_background():
    labels = np.array([[7, 7, 0, 7], [7, 0, 0, 7], [0, 7, 7, 7]])
    np.testing.assert_array_equal(
        components(labels, background=7), [[0, 0, 1, 0], [0, 1, 1, 0], [2, 0, 0, 0]]
    )
    np.testing.assert_array_equal(
        largest_component(labels, background=7), [[7, 7, 0, 7], [7, 0, 0, 7], [7, 7, 7, 7]]
    )


LABELS = np.zeros((2, 3), np.int8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: components(np.zeros(3, int)), "labels is an array of shape .*must hold whole num"),
        (lambda: components(LABELS, connectivity=3), "connectivity is 3, but must be at most 2"),
        (lambda: components(LABELS, background=200), "background is 200, but must be at most 127"),
        (lambda: largest_component(LABELS, classes=(1, 1)), "must name each class once"),
        (lambda: fill_holes(LABELS, classes=(0,)), "and not 0, the background: leave it out"),
        (lambda: remove_small(LABELS), "voxels is None and milliliters None, but must be one"),
        (lambda: remove_small(LABELS, voxels=1, milliliters=1), "voxels is 1 and milliliters 1"),
        (lambda: remove_small(LABELS, voxels=1, spacing=(1, 1)), "spacing is .* leave it out, or"),
        (lambda: remove_small(LABELS, milliliters=1, spacing=(1, 1)), "have no volume: pass vox"),
        (
            lambda: remove_small(LABELS[None], milliliters=1, spacing=(1, 1)),
            r"spacing is \(1, 1\), but must be 3 numbers of mm",
        ),
    ],
)
def test_bad_input_is_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
