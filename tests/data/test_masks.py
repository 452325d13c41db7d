"""Borders of objects and objects from borders, against the definition pixel by pixel."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import masks


def _by_definition(instance, width):
    """Inside where every pixel of the neighbourhood is of the same object."""
    label = np.zeros(instance.shape, int)
    for place in np.argwhere(instance > 0):
        near = tuple(slice(max(0, x - width), x + width + 1) for x in place)
        same = (instance[near] == instance[tuple(place)]).all()
        label[tuple(place)] = 1 if same else 2
    return label


def _flooded(inside):
    """Connected parts by a search from pixel to pixel, numbered in the order of their first."""
    found = np.zeros(inside.shape, int)
    for start in map(tuple, np.argwhere(inside)):
        if found[start]:
            continue
        number, pending = found.max() + 1, [start]
        while pending:
            place = pending.pop()
            if not inside[place] or found[place]:
                continue
            found[place] = number
            steps = itertools.product((-1, 0, 1), repeat=inside.ndim)
            near = (tuple(np.add(place, step)) for step in steps)
            pending += [
                x for x in near if all(0 <= a < n for a, n in zip(x, inside.shape, strict=True))
            ]
    return found


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([(9, 11), (5, 6, 7)]), st.integers(1, 2))
def test_borders_are_those_of_the_definition(seed, shape, width):
    """Random blocks, which overlap and touch: the later one is on top."""
    rng = np.random.default_rng(seed)
    instance = np.zeros(shape, np.int32)
    for number in range(1, 4):
        corner = [rng.integers(0, n - 2) for n in shape]
        instance[tuple(slice(a, a + rng.integers(2, 6)) for a in corner)] = number
    found = masks.with_borders({"instance": instance[None]}, width=width)["label"][0]
    expected = _by_definition(instance, width)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found == 0, expected == 0)
    without = {number for number in range(1, 4) if not (expected[instance == number] == 1).any()}
    kept = ~np.isin(instance, list(without))
    np.testing.assert_array_equal(found[kept], expected[kept])
    for number in without & set(instance.ravel().tolist()):
        assert (found[instance == number] == 1).sum() == 1  # no object is lost


def test_objects_come_back_where_they_touch():
    instance = np.zeros((2, 12, 13), np.int32)
    instance[0, 1:6, 1:6], instance[0, 1:6, 6:12], instance[0, 6:11, 3:9] = 5, 2, 9
    instance[1, 0:4, 0:5], instance[1, 6:11, 8:13] = 1, 2  # at the edges of the image
    for width in (1, 2):
        label = masks.with_borders({"instance": instance}, width=width)["label"]
        for row in range(2):
            found = masks.instances(label[row])
            assert found.dtype == np.int32
            pairs = set(zip(instance[row].ravel().tolist(), found.ravel().tolist(), strict=True))
            assert len(pairs) == len(np.unique(instance[row]))  # one to one
            assert (0, 0) in pairs


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([(8, 9), (4, 5, 6)]))
def test_objects_are_the_connected_insides(seed, shape):
    label = np.random.default_rng(seed).choice([0, 1, 2, -1], shape, p=[0.5, 0.25, 0.2, 0.05])
    found, expected = masks.instances(label), _flooded(label == 1)
    np.testing.assert_array_equal(found[label == 1], expected[label == 1])
    assert not found[(label != 1) & (label != 2)].any()
    pieces, inside = _flooded((label == 1) | (label == 2)), np.argwhere(label == 1)
    for place in np.argwhere(label == 2):
        away = np.linalg.norm(inside - place, axis=1)
        nearest = {
            int(expected[tuple(x)]) if pieces[tuple(x)] == pieces[tuple(place)] else 0
            for x in inside[away <= away.min(initial=99) + 1e-9]
        }
        assert found[tuple(place)] in (nearest or {0})


def test_thin_objects_small_ones_and_what_is_not_labelled():
    instance = np.zeros((1, 6, 6), np.int32)
    instance[0, 1:3, 1:5], instance[0, 5, 0] = 3, 4
    columns = {"instance": instance, "label": (instance > 0).astype(np.int8), "id": np.array([7])}
    columns["label"][0, 0] = -1
    found = masks.with_borders(columns)
    assert set(found) == {"instance", "label", "id"}
    np.testing.assert_array_equal(found["label"][0, 0], -1)
    assert (found["label"] == 1).sum() == 2
    assert masks.instances(found["label"][0]).max() == 2
    assert masks.instances(found["label"][0], smallest=2).max() == 1
    assert not masks.instances(np.array([[2, 2], [0, 2]])).any()  # a border without an inside
    assert masks.CLASSES == ("background", "inside", "border")


def test_bad_input_gets_one_sentence():
    instance = np.ones((2, 4, 4), int)
    with pytest.raises(ValueError, match=r"columns has label, but must have instance"):
        masks.with_borders({"label": instance})
    with pytest.raises(ValueError, match=r"columns\['instance'\] .* whole numbers of at least 0"):
        masks.with_borders({"instance": -instance})
    with pytest.raises(ValueError, match=r"columns\['instance'\] has shape \(4, 4\), but must be"):
        masks.with_borders({"instance": instance[0]})
    with pytest.raises(ValueError, match=r"label has shape \(2, 2, 4, 4\), but must be the map of"):
        masks.instances(np.ones((2, 2, 4, 4), int))
    with pytest.raises(ValueError, match=r"columns\['instance'\] has shape \(2, 4, 4\), but must"):
        masks.with_borders({"instance": instance, "label": np.ones((2, 4, 5), int)})
