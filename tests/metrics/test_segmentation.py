"""Overlap of label maps against scikit-learn and voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
from metrics.label_maps import CLASSES, SPACES, pair
from metrics.references import agree
from sklearn import metrics as sklearn

from jaxmed import metrics

each_space = pytest.mark.parametrize("space", SPACES)
each_seed = pytest.mark.parametrize("seed", range(3))


@each_space
@each_seed
def test_overlap_is_scikit_learns_over_labelled_voxels(space, seed):
    truth, predicted = pair(space, seed)
    there = truth >= 0
    y, p = truth[there], predicted[there]
    found = metrics.overlap(truth, predicted, classes=CLASSES)
    options = {"labels": range(CLASSES), "average": None}
    agree(found["dice"], sklearn.f1_score(y, p, **options))
    agree(found["iou"], sklearn.jaccard_score(y, p, **options))
    agree(found["sensitivity"], sklearn.recall_score(y, p, **options))
    agree(found["precision"], sklearn.precision_score(y, p, **options))
    agree(metrics.dice(truth, predicted, classes=CLASSES), found["dice"])
    for k in range(CLASSES):
        true, positive = sum(v == k for v in y), sum(v == k for v in p)
        agree(found["volume_error"][k], positive / true - 1)
        assert (found["truth_voxels"][k], found["predicted_voxels"][k]) == (true, positive)
    expected = sklearn.confusion_matrix(y, p)
    counts = metrics.voxel_counts(truth, predicted, classes=CLASSES)
    np.testing.assert_array_equal(counts, expected)


def test_volumes_are_in_milliliters():
    truth, predicted = pair("volume", 0)
    _, spacing = SPACES["volume"]
    found = metrics.overlap(truth, predicted, classes=CLASSES, spacing=np.float32(spacing))
    each = 3.0 * 0.75 * 1.25 / 1000
    agree(found["truth_ml"], [each * (truth == k).sum() for k in range(CLASSES)])
    predicted_voxels = [((predicted == k) & (truth >= 0)).sum() for k in range(CLASSES)]
    agree(found["predicted_ml"], each * np.array(predicted_voxels))
    agree(found["volume_error_ml"], found["predicted_ml"] - found["truth_ml"])
    assert "truth_ml" not in metrics.overlap(truth, predicted, classes=CLASSES)
    flat = metrics.overlap(*pair("image", 0), classes=CLASSES, spacing=(1.0, 1.0))
    assert "truth_ml" not in flat


def test_counts_of_cases_add_up_to_the_pooled_overlap():
    cases = [pair("image", seed) for seed in range(4)]
    counts = np.stack([metrics.voxel_counts(*case, classes=CLASSES) for case in cases])
    together = [np.stack(maps) for maps in zip(*cases, strict=True)]
    pooled = metrics.overlap_of_counts(counts.sum(0))
    agree(pooled["dice"], metrics.dice(*together, classes=CLASSES))
    at_once = metrics.overlap_of_counts(counts)
    for case, *rows in zip(cases, *at_once.values(), strict=True):
        alone = metrics.overlap(*case, classes=CLASSES)
        for name, row in zip(at_once, rows, strict=True):
            agree(row, alone[name])


def test_empty_classes_follow_one_rule():
    truth, predicted = np.zeros((2, 4, 4), int)
    truth[0, :2], predicted[3, 1:] = 1, 2  # class 1 is missed, 2 is invented, 3 is in neither
    found = metrics.segmentation_case(truth, predicted, classes=4, spacing=(3.0, 1.0))
    for name in ("dice", "iou", "sensitivity", "precision", "surface_dice"):
        np.testing.assert_array_equal(found[name][1:], [0, 0, 1], name)
    np.testing.assert_array_equal(found["volume_error"][1:], [-1, 1, 0])
    diagonal = np.hypot(12, 4)
    for name in ("hd95", "assd"):
        agree(found[name][1:], [diagonal, diagonal, 0])
    given = metrics.segmentation_case(truth, predicted, classes=4, worst_distance=374)
    np.testing.assert_array_equal(given["hd95"][1:], [374, 374, 0])


def test_nothing_labelled_is_full_agreement_and_finite():
    empty = np.full((3, 3), -1)
    found = metrics.segmentation_case(empty, np.ones((3, 3), int), classes=2)
    assert all(np.isfinite(values).all() for values in found.values())
    np.testing.assert_array_equal(found["dice"], 1)
    np.testing.assert_array_equal(found["truth_voxels"] + found["predicted_voxels"], 0)


@each_space
def test_a_case_has_all_numbers_per_class(space):
    truth, predicted = pair(space, 1)
    _, spacing = SPACES[space]
    found = metrics.segmentation_case(
        truth, predicted, classes=CLASSES, spacing=spacing, tolerance=0.5
    )
    options = {"classes": CLASSES, "spacing": spacing}
    parts = metrics.overlap(truth, predicted, **options) | metrics.surface_agreement(
        truth, predicted, tolerance=0.5, **options
    )
    assert found.keys() == parts.keys()
    for name, values in found.items():
        assert values.shape == (CLASSES,)
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, parts[name])
    quick = metrics.segmentation_case(truth, predicted, surfaces=False, **options)
    assert quick.keys() == metrics.overlap(truth, predicted, **options).keys()


def test_label_maps_of_any_integer_type_and_bool():
    truth, predicted = pair("image", 0)
    expected = metrics.segmentation_case(truth, predicted, classes=CLASSES)
    for dtype in (np.int8, np.int32, np.float32):
        found = metrics.segmentation_case(
            truth.astype(dtype), predicted.astype(np.uint8), classes=CLASSES
        )
        for name, values in found.items():
            np.testing.assert_array_equal(values, expected[name], name)
    found = metrics.dice(truth == 1, predicted == 1, classes=2)
    agree(found[1], sklearn.f1_score((truth == 1).ravel(), (predicted == 1).ravel()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truth": np.full((9, 12), -2)}, r"truth holds -2, but must lie in -1 \.\. 2"),
        ({"predicted": np.full((9, 12), -1)}, r"predicted holds -1, but must lie in 0 \.\. 2"),
        ({"predicted": np.full((9, 12), 0.5)}, "predicted holds 0.5, but must hold whole numbers"),
        ({"spacing": (1.0,)}, "spacing has 1 numbers, but truth has 2 axes"),
        ({"spacing": (1.0, 0.0)}, "spacing holds 0, but must hold finite numbers greater than 0"),
        ({"tolerance": -1.0}, "tolerance holds -1.0, but must be finite and at least 0"),
        ({"tolerance": (1.0, 2.0)}, r"tolerance has shape \(2,\), but must be one number in mm"),
        ({"classes": 1}, "classes is 1, but must be at least 2"),
    ],
)
def test_bad_arguments_are_named(change, message):
    truth, predicted = pair("image", 0)
    good = {"truth": truth, "predicted": predicted, "classes": CLASSES}
    with pytest.raises(ValueError, match=message):
        metrics.segmentation_case(**(good | change))


def test_several_cases_at_once_have_no_surface():
    several = np.zeros((2, 3, 3, 3), int)
    with pytest.raises(ValueError, match="pass one case at a time"):
        metrics.segmentation_case(several, several, classes=2)
