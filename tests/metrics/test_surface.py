"""Distances of surfaces against all pairs of voxels, and on boxes whose distances are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from metrics.label_maps import CLASSES, SPACES, pair
from metrics.references import agree

from jaxmed import metrics


def surface(mask):
    """Voxels with a neighbor along an axis that is not in the mask, by looking at each."""
    found = []
    for place in map(tuple, np.argwhere(mask)):
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            there = list(place)
            there[axis] += step
            inside = all(0 <= x < n for x, n in zip(there, mask.shape, strict=True))
            if not inside or not mask[tuple(there)]:
                found.append(place)
                break
    return np.array(found)


def by_hand(truth, predicted, spacing, tolerance):
    """Distances of all pairs of surface voxels."""
    surfaces = [surface(mask) * np.array(spacing) for mask in (truth, predicted)]
    between = np.linalg.norm(surfaces[0][:, None] - surfaces[1][None], axis=2)
    there, back = between.min(1), between.min(0)
    both = np.concatenate([there, back])
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return hd95, both.mean(), np.mean(both <= tolerance)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("seed", range(3))
def test_distances_are_those_of_all_pairs_of_surface_voxels(space, seed):
    truth, predicted = pair(space, seed)
    _, spacing = SPACES[space]
    tolerances = (0.4, 1.3, 2.0)
    found = metrics.surface_agreement(
        truth, predicted, classes=CLASSES, spacing=spacing, tolerance=tolerances
    )
    for k in range(CLASSES):
        masks = truth == k, (predicted == k) & (truth >= 0)
        expected = by_hand(*masks, spacing, tolerances[k])
        agree([found[name][k] for name in ("hd95", "assd", "surface_dice")], expected)


def test_a_moved_box_is_as_far_as_it_was_moved():
    truth = np.zeros((10, 12, 8), int)
    truth[2:5, 3:7, 2:6] = 1
    moved = np.roll(truth, 2, axis=0)
    found = metrics.surface_agreement(truth, moved, classes=2, spacing=(2.5, 1.0, 1.0))
    # Voxels of the first plane are 2 planes from the moved box: its side is reached first.
    assert found["hd95"][1] == pytest.approx(5.0)
    same = metrics.surface_agreement(truth, truth, classes=2)
    np.testing.assert_array_equal([same["hd95"], same["assd"]], 0)
    np.testing.assert_array_equal(same["surface_dice"], 1)


def test_both_directions_count():
    """A prediction with a far speck: near from the truth, far back."""
    truth = np.zeros((5, 40), int)
    truth[2, 2:4] = 1
    predicted = truth.copy()
    predicted[2, 33] = 1
    found = metrics.surface_agreement(truth, predicted, classes=2)
    agree(found["hd95"][1], np.percentile([0, 0, 30], 95))
    agree(found["assd"][1], 30 / 5)
    agree(found["surface_dice"][1], 4 / 5)
    swapped = metrics.surface_agreement(predicted, truth, classes=2)
    for name, values in found.items():
        agree(swapped[name], values)


def test_the_diagonal_is_above_every_distance():
    truth, predicted, empty = np.zeros((3, 6, 5, 4), int)
    truth[0, 0, 0] = predicted[-1, -1, -1] = 1
    options = {"classes": 2, "spacing": (2.0, 1.0, 0.5)}
    farthest = metrics.surface_agreement(truth, predicted, **options)["hd95"][1]
    agree(farthest, np.linalg.norm([10, 4, 1.5]))
    missed = metrics.surface_agreement(truth, empty, **options)["hd95"][1]
    agree(missed, np.linalg.norm([12, 5, 2]))
    assert missed > farthest
