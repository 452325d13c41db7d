"""One recipe for images and volumes, and what it stands beside."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from jaxmed.data import catalogue

best = importlib.import_module("experiments.medmnist_best")


def test_every_set_of_28_pixels_has_its_changes():
    names = {entry.name for entry in catalogue.MEDMNIST if entry.shape[0] == 28}
    assert set(best.CHANGES) == names


def test_another_set_is_refused_by_name():
    with pytest.raises(ValueError, match="dataset is 'mnist', which is unknown: did you mean"):
        best.main(best.Settings(dataset="mnist"))


@pytest.mark.parametrize(("mirrored", "turned"), [(False, False), (True, False), (True, True)])
def test_copies_are_the_image_moved_by_a_pixel_and_mirrored_and_turned_where_safe(mirrored, turned):
    image = np.arange(25.0).reshape(5, 5, 1)
    found = [np.asarray(copy(image)) for copy in best.copies(mirrored=mirrored, turned=turned)]
    sources = [image, image[:, ::-1]] if mirrored else [image]
    sources = [np.rot90(each, k) for each in sources for k in range(4 if turned else 1)]
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


@pytest.mark.slow
def test_members_stand_beside_one(capsys):
    speed = importlib.import_module("experiments.members_speed")
    small = speed.medmnist_best.Settings(widths=(4, 4), batch_size=4)
    found = speed.main(speed.Settings(members=(1, 2), recipe=small, steps=1, rounds=3))
    assert {count: len(seconds) for count, seconds in found.items()} == {1: 3, 2: 3}
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first.split()[::2] == ["1", "1.00"]
    assert second.split()[0] == "2"
