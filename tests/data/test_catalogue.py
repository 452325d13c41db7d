"""The catalogue and its builders, against the publishers' bytes and against scikit-learn."""

import dataclasses
import gzip
import hashlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from jaxmed.data import Source, catalogue, columns, from_tfds
from jaxmed.data.datasets import medmnist
from jaxmed.data.datasets.entry import RemoteFile


@pytest.fixture(scope="module")
def prepared_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


def _splits(name, **folders):
    return {
        split: columns(catalogue.open_split(name, split, **folders))
        for split in catalogue.ENTRIES[name].sizes
    }


def test_the_table_is_complete():
    entries = catalogue.ENTRIES
    families = [entry for entry in entries.values() if entry.name == entry.family]
    assert len(entries) == 3 + 12 * 4 + 6 * 2 + 6
    assert len(families) == 3 + 12 + 6 + 6
    assert {entry.task for entry in families} == {"binary", "multiclass", "multilabel", "ordinal"}
    assert entries["retinamnist_128"].task == "ordinal"
    assert entries["chestmnist"].task == "multilabel"
    assert entries["vesselmnist3d_64"].shape == (64, 64, 64, 1)
    files = [file for entry in entries.values() for file in entry.files]
    sums = [file.checksum for file in files]
    assert len(set(sums)) == len(sums) == 4 + 60 + 2 + 3 + 3 + 3 + 1 + 1
    digits = {"md5": 32, "git": 40}
    assert all(re.fullmatch(f"[0-9a-f]{{{digits[f.algorithm]}}}", f.checksum) for f in files)
    for entry in entries.values():
        assert entry.licence
        assert entry.citation
        assert entry.homepage
        assert len(set(entry.classes)) == len(entry.classes) >= 2
        for file in entry.files:
            assert file.url.startswith("https://")
            assert file.page or file.url.endswith(file.name.split("/")[-1])


def test_wisconsin_is_scikit_learns_table_with_the_disease_positive(prepared_dir):
    entry = catalogue.ENTRIES["breast_cancer_wisconsin"]
    table = load_breast_cancer()
    assert entry.feature_names == tuple(table.feature_names)
    splits = _splits(entry.name, data_dir=prepared_dir)
    for split, read in splits.items():
        assert read["features"].dtype == np.float32
        assert read["features"].shape == (entry.sizes[split], 30)
        np.testing.assert_array_equal(read["features"], np.float32(table.data[read["id"]]))
        malignant = table.target_names[table.target[read["id"]]] == "malignant"
        np.testing.assert_array_equal(read["label"], malignant)
        assert abs(malignant.mean() - 212 / 569) < 0.01
    _is_fixed_partition(splits, 569, "3243d80f1849ff8b1343656c0cb08971")


def test_digits_are_scikit_learns(prepared_dir):
    table = load_digits()
    splits = _splits("digits", data_dir=prepared_dir)
    for read in splits.values():
        np.testing.assert_array_equal(read["image"][..., 0], table.images[read["id"]])
        np.testing.assert_array_equal(read["label"], table.target[read["id"]])
        assert np.ptp(np.bincount(read["label"]) / len(read["label"])) < 0.02
    _is_fixed_partition(splits, 1797, "b181a17adde3e57b674f97cf259958f7")


def _is_fixed_partition(splits, rows, md5):
    """The rows are shared out once, and as they were when figures were first published."""
    ids = [read["id"] for read in splits.values()]
    np.testing.assert_array_equal(np.sort(np.concatenate(ids)), range(rows))
    assert hashlib.md5(np.concatenate(ids).astype("<i4").tobytes()).hexdigest() == md5


CASES = {
    # name: (shape of the images in the archive, labels a row); the fourth archive is by column
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
    monkeypatch.setitem(medmnist._ENTRIES, name, entry)

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
        wanted = labels if entry.task == "multilabel" else labels[:, 0]
        np.testing.assert_array_equal(read["label"], wanted)
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
def test_mnist_equals_its_official_bytes(manual_dir, tmp_path):
    splits = _splits("mnist", data_dir=tmp_path, manual_dir=manual_dir)
    for split, prefix, rows in (("train", "train", 60_000), ("test", "t10k", 10_000)):
        images = gzip.decompress((manual_dir / f"{prefix}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((manual_dir / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())
        read = splits[split]
        assert read["image"].shape == (rows, 28, 28, 1)
        assert read["image"].tobytes() == images[16:]
        assert read["label"].astype(np.uint8).tobytes() == labels[8:]
        np.testing.assert_array_equal(read["id"], range(rows))


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


BAD = {
    "name": (("pnemoniamnist", "train"), "did you mean pneumoniamnist"),
    "nothing like it": (("qqqqqqqq", "train"), "`jaxmed datasets` lists the names"),
    "split": (("digits", "val"), r"split is .val., .* choose from test, train, validation"),
    "no slice": (("digits", "train[:5"), r"split is 'train\[:5', which holds no rows .*: write it"),
    "no rows": (("digits", "train[9999:]"), r"which holds no rows \(Requested slice .* 1078 exam"),
    "slice": (("digits", "tran[:5]"), "split is 'tran', which is unknown: did you mean train"),
}


@pytest.mark.parametrize("case", BAD)
def test_unknown_names_get_the_nearest(case, prepared_dir):
    arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        catalogue.open_split(*arguments, data_dir=prepared_dir)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"manual_dir is .*none.* no such folder"):
        catalogue.prepare("mnist", data_dir=tmp_path, manual_dir=tmp_path / "none")


def test_entries_of_ours_only():
    assert catalogue.entry("mnist").sizes["train"] == 60_000
    with pytest.raises(ValueError, match="which the catalogue of tfds describes"):
        catalogue.entry("titanic")


def test_what_tfds_has_prepared_opens_by_its_name(prepared_dir):
    catalogue.prepare("digits", data_dir=prepared_dir)
    # In a process that has not imported the builder: from the files alone.
    code = (
        "from jaxmed.data import from_tfds\n"
        f"source = from_tfds('jaxmed_digits', 'validation', data_dir={str(prepared_dir)!r})\n"
        "print(len(source), *source.classes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["360", *"0123456789"]


def test_a_format_without_random_access_says_what_to_do(prepared_dir, tmp_path):
    catalogue.prepare("digits", data_dir=prepared_dir)
    shutil.copytree(prepared_dir / "jaxmed_digits", tmp_path / "jaxmed_digits")
    info = tmp_path / "jaxmed_digits" / "1.0.0" / "dataset_info.json"
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(ValueError, match="a format without random access: name another data_dir"):
        catalogue.open_split("digits", "train", data_dir=tmp_path)


def test_a_builder_that_needs_tensorflow_names_the_extra(tmp_path):
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        with pytest.raises(
            ImportError, match=r"titanic needs .* pip install 'jaxmed\[tensorflow\]'"
        ):
            from_tfds("titanic", "train", data_dir=tmp_path)
    else:
        pytest.skip("TensorFlow is installed")
