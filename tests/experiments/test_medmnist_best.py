"""One recipe for images and volumes, and what it stands beside."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from jaxmed.data import catalogue

best = importlib.import_module("experiments.medmnist_best")
machine = importlib.import_module("experiments.pixel_machine")


def test_every_set_of_28_pixels_has_its_changes():
    names = {entry.name for entry in catalogue.MEDMNIST if entry.shape[0] == 28}
    assert set(best.CHANGES) == names


def test_another_set_is_refused_by_name():
    with pytest.raises(ValueError, match="dataset is 'mnist', but must be one of"):
        best.main(best.Settings(dataset="mnist"))


@pytest.mark.parametrize("mirrored", [False, True])
def test_copies_are_the_image_moved_by_a_pixel_and_mirrored_where_that_is_safe(mirrored):
    image = np.arange(20.0).reshape(4, 5, 1)
    found = [np.asarray(copy(image)) for copy in best.copies(mirrored=mirrored)]
    sources = [image, image[:, ::-1]] if mirrored else [image]
    expected = [
        np.roll(np.roll(each, down, 0), right, 1)
        for down, right in [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)]
        for each in sources
    ]
    np.testing.assert_array_equal(found, expected)


def test_volumes_are_halved_by_means_and_images_stay():
    random = np.random.default_rng(0)
    volumes = random.integers(0, 256, (2, 4, 6, 2, 1), dtype=np.uint8)
    found = best.halved({"image": volumes})["image"]
    assert found.shape == (2, 2, 3, 1, 1)
    block = volumes[1, 2:4, 4:6, 0:2, 0].astype(float)
    assert found[1, 1, 2, 0, 0] == round(block.mean())
    images = volumes[..., 0, :]
    assert best.halved({"image": images})["image"] is images


@pytest.mark.parametrize("classes", [2, 3])
def test_the_machine_on_pixels_is_that_of_scikit_learn(classes):
    random = np.random.default_rng(1)

    def columns(rows):
        label = np.arange(rows) % classes
        images = random.integers(0, 200, (rows, 4, 4, 1)) + 20 * label[:, None, None, None]
        return {"image": images.astype(np.uint8), "label": label}

    train, test = columns(60), columns(30)
    x, y = (c["image"].reshape(-1, 16).astype(float) / 255 for c in (train, test))
    model = SVC(C=10).fit(x, train["label"])
    right = (model.predict(y) == test["label"]).mean()
    found = model.decision_function(y)
    if classes == 2:
        area = roc_auc_score(test["label"], found)
    else:
        area = np.mean([roc_auc_score(test["label"] == k, found[:, k]) for k in range(classes)])
    assert f"auroc {area:.4f}, accuracy {right:.4f}" in machine.line(train, test)
