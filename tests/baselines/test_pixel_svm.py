"""The SVM on raw pixels against scikit-learn's own scores."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from jaxmed.baselines import pixel_svm


def columns(classes: int, rows: int, seed: int) -> dict[str, np.ndarray]:
    """Images whose brightness tells the class, with noise."""
    rng = np.random.default_rng(seed)
    label = (np.arange(rows) % classes).astype(np.int32)
    noise = rng.integers(0, 120, (rows, 4, 4, 1))
    image = (noise + 12 * label[:, None, None, None]).clip(0, 255).astype(np.uint8)
    return {"image": image, "label": label}


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)


@pytest.mark.parametrize("classes", [2, 4])
def test_ranks_order_each_class_as_the_decision_values_do(classes):
    train, test = columns(classes, 60, 0), columns(classes, 40, 1)
    svm = pixel_svm.fit_svm(train["image"], train["label"], C=3)
    decisions = (
        SVC(C=3).fit(flat(train["image"]), train["label"]).decision_function(flat(test["image"]))
    )
    ranks = pixel_svm.class_ranks(svm, test["image"])
    assert ranks.shape == (40, classes)
    decisions = decisions[:, None] * [-1, 1] if classes == 2 else decisions
    for k in range(classes):
        theirs, ours = (roc_auc_score(test["label"] == k, x[:, k]) for x in (decisions, ranks))
        assert ours == pytest.approx(theirs)


def test_the_summary_holds_scikit_learns_scores():
    train, test = columns(2, 60, 0), columns(2, 40, 1)
    svm = SVC(C=0.05).fit(flat(train["image"]), train["label"])
    auc = roc_auc_score(test["label"], svm.decision_function(flat(test["image"])))
    accuracy = svm.score(flat(test["image"]), test["label"])
    assert 0.5 < accuracy < 1  # a score that a wrong C would change
    shown, found = pixel_svm.summary(train, test, C=0.05)
    assert found["SVM on raw pixels/auroc"] == pytest.approx(auc)
    assert found["SVM on raw pixels/accuracy"] == pytest.approx(accuracy)
    assert re.fullmatch(rf"SVM on raw pixels: AUC {auc:.4f}, ACC {accuracy:.4f}, \d+ s", shown), (
        shown
    )


def test_the_svm_is_skipped_for_too_many_rows_or_several_labels():
    line, found = pixel_svm.summary({"label": np.zeros(78_468)}, {})
    assert line == "SVM on raw pixels: skipped, because 78,468 training rows exceed 12,000"
    assert found == {}
    line, found = pixel_svm.summary({"label": np.zeros((4, 14))}, {})
    assert "several labels" in line
    assert found == {}


def test_pixels_are_rows_in_the_unit_interval():
    images = np.array([[[[0], [255]]], [[[51], [102]]]], np.uint8)
    found = pixel_svm.flat_pixels(images)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 1], [0.2, 0.4]])
