"""MedMNIST against archives, made up and published."""

import dataclasses
import hashlib
import shutil

import numpy as np
import pytest

from jaxmed.data import Source, catalogue, columns
from jaxmed.data.datasets import medmnist
from jaxmed.data.datasets.entry import RemoteFile


def _splits(name, **folders):
    return {
        split: columns(catalogue.open_split(name, split, **folders))
        for split in catalogue.entry(name).sizes
    }


CASES = {
    # name: (shape of the images in the archive, labels per row); the fourth is column-major
    "pneumoniamnist": ((28, 28), 1, "C"),
    "retinamnist_64": ((64, 64, 3), 1, "C"),
    "chestmnist": ((28, 28), 14, "C"),
    "nodulemnist3d": ((28, 28, 28), 1, "F"),
}


@pytest.mark.parametrize("name", CASES)
def test_medmnist_equals_its_archive(name, tmp_path, monkeypatch):
    shape, labels, order = CASES[name]
    rng = np.random.default_rng(0)
    arrays = {}
    for split, rows in (("train", 5), ("val", 3), ("test", 2)):
        images = rng.integers(0, 256, (rows, *shape), np.uint8)
        arrays[f"{split}_images"] = np.asarray(images, order=order)
        arrays[f"{split}_labels"] = rng.integers(0, 2, (rows, labels), np.uint8)
    np.savez_compressed(tmp_path / f"{name}.npz", **arrays)
    md5 = hashlib.md5((tmp_path / f"{name}.npz").read_bytes()).hexdigest()
    file = RemoteFile(f"{name}.npz", "https://127.0.0.1/", md5)
    entry = dataclasses.replace(catalogue.ENTRIES[name], files=(file,))
    monkeypatch.setitem(medmnist.CONFIGURATIONS, name, entry)

    splits = _splits(name, data_dir=tmp_path / "data", manual_dir=tmp_path)
    _equals_archive(splits, arrays, entry)
    source = catalogue.open_split(name, "train[1:3]", data_dir=tmp_path / "data")
    assert isinstance(source, Source)
    assert source.classes == entry.classes
    np.testing.assert_array_equal(columns(source)["id"], [1, 2])


def _equals_archive(splits, arrays, entry):
    for split, prefix in (("train", "train"), ("validation", "val"), ("test", "test")):
        images, labels = arrays[f"{prefix}_images"], arrays[f"{prefix}_labels"]
        read = splits[split]
        np.testing.assert_array_equal(read["image"], images.reshape(-1, *entry.shape))
        assert read["image"].dtype == np.uint8
        assert read["label"].dtype == np.int32
        expected = labels if entry.task == "multilabel" else labels[:, 0]
        np.testing.assert_array_equal(read["label"], expected)
        np.testing.assert_array_equal(read["id"], range(len(images)))


@pytest.mark.data
@pytest.mark.parametrize("name", ["pneumoniamnist", "breastmnist", "retinamnist", "adrenalmnist3d"])
def test_medmnist_equals_the_published_archive(name, manual_dir, tmp_path):
    entry = catalogue.ENTRIES[name]
    splits = _splits(name, data_dir=tmp_path, manual_dir=manual_dir)
    with np.load(manual_dir / f"{name}.npz") as arrays:
        _equals_archive(splits, arrays, entry)
    assert {split: len(read["id"]) for split, read in splits.items()} == dict(entry.sizes)


@pytest.mark.data
def test_a_truncated_copy_is_refused_and_prepares_nothing(manual_dir, tmp_path):
    manual = tmp_path / "manual"
    manual.mkdir()
    whole = (manual_dir / "breastmnist.npz").read_bytes()
    (manual / "breastmnist.npz").write_bytes(whole[:-1000])
    with pytest.raises(
        ValueError, match="but must be 750601b1f35ba3300ea97c75c52ff8f6; get it again"
    ):
        catalogue.prepare("breastmnist", data_dir=tmp_path / "data", manual_dir=manual)
    assert not list((tmp_path / "data").rglob("*array_record*"))
    shutil.copyfile(manual_dir / "breastmnist.npz", manual / "breastmnist.npz")
    catalogue.prepare("breastmnist", data_dir=tmp_path / "data", manual_dir=manual)
    read = columns(catalogue.open_split("breastmnist", "test", data_dir=tmp_path / "data"))
    assert len(read["label"]) == 156
