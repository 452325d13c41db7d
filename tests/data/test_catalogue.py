"""The catalogue: facts of every data set, loading by name, and messages for unknown names."""

import dataclasses
import re
import shutil

import numpy as np
import pytest

import jaxmed.data
from jaxmed.data import catalogue, columns, memory
from jaxmed.data.source import Arrays


@pytest.fixture(scope="module")
def prepared_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


def test_the_table_is_complete():
    entries = catalogue.ENTRIES
    families = [entry for entry in entries.values() if entry.name == entry.family]
    assert len(entries) == 3 + 12 * 4 + 6 * 2 + 6 + 3 + 5 + 1 + 2 + 7 + 1
    assert len(families) == 3 + 12 + 6 + 6 + 3 + 5 + 1 + 2 + 7 + 1
    kinds = {"binary", "multiclass", "multilabel", "ordinal", "regression", "segmentation"}
    kinds.add("survival")
    assert {entry.task for entry in families} == kinds
    assert entries["retinamnist_128"].task == "ordinal"
    assert entries["chestmnist"].task == "multilabel"
    assert entries["vesselmnist3d_64"].shape == (64, 64, 64, 1)
    files = [file for entry in entries.values() for file in entry.files]
    sums = [file.checksum for file in files]
    assert len(set(sums)) == len(sums) == 4 + 60 + 2 + 3 + 3 + 3 + 1 + 1 + 3 + 5 + 1 + 2 + 7 + 41
    digits = {"md5": 32, "git": 40}
    assert all(re.fullmatch(f"[0-9a-f]{{{digits[f.algorithm]}}}", f.checksum) for f in files)
    for entry in entries.values():
        assert entry.license
        assert entry.citation
        assert entry.homepage
        assert len(set(entry.classes)) == len(entry.classes)
        assert len(entry.classes) >= 2 or entry.task == "regression"
        for file in entry.files:
            assert file.url.startswith("https://")
            assert file.page or file.url.endswith(file.name.split("/")[-1])


def test_load_gives_all_splits_in_memory(prepared_dir):
    splits = jaxmed.data.load("breast_cancer_wisconsin", data_dir=prepared_dir)
    train, validation, test = splits
    assert (splits.train, splits.validation, splits.test) == (train, validation, test)
    for name, split in zip(("train", "validation", "test"), splits, strict=True):
        opened = catalogue.open_split("breast_cancer_wisconsin", name, data_dir=prepared_dir)
        expected = columns(opened)
        assert isinstance(split, Arrays)
        assert split.classes == ("benign", "malignant")
        assert split.columns.keys() == expected.keys()
        for key, column in expected.items():
            np.testing.assert_array_equal(split.columns[key], column)
            assert columns(split)[key] is split.columns[key]  # not copied


def test_a_split_that_does_not_fit_into_memory_stays_on_disk(prepared_dir, monkeypatch):
    # 1078 images of 64 bytes, and label and id of 8 and 4 bytes: about 82,000 bytes of training.
    monkeypatch.setattr(memory, "total_memory", lambda: 4 * 50_000)
    train, validation, test = jaxmed.data.load("digits", data_dir=prepared_dir)
    assert not isinstance(train, Arrays)
    assert len(train) == 1078
    assert train.classes == tuple("0123456789")
    assert isinstance(validation, Arrays)
    assert isinstance(test, Arrays)


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


def test_only_entries_of_jaxmed_have_facts():
    assert catalogue.entry("mnist").sizes["train"] == 60_000
    with pytest.raises(ValueError, match="which is in the catalogue of tfds and not"):
        catalogue.entry("titanic")


def test_a_format_without_random_access_says_what_to_do(prepared_dir, tmp_path):
    catalogue.prepare("digits", data_dir=prepared_dir)
    shutil.copytree(prepared_dir / "jaxmed_digits", tmp_path / "jaxmed_digits")
    (info,) = (tmp_path / "jaxmed_digits").glob("*/dataset_info.json")
    info.write_text(info.read_text().replace("array_record", "tfrecord"))
    with pytest.raises(ValueError, match="a format without random access: pass another data_dir"):
        catalogue.open_split("digits", "train", data_dir=tmp_path)


DAMAGES = {
    "missing": ("*-train.array_record*", None, r"/2\.0\.0 holds damaged data \(.* is missing\)"),
    "cut": ("*-train.array_record*", 0.6, r"/2\.0\.0 holds damaged data \(Corrupted"),
    "empty": ("*-train.array_record*", 0, r"/2\.0\.0 holds damaged data \(ArrayRecord file"),
    "no facts": ("dataset_info.json", None, r"/2\.0\.0 holds damaged data \(.* names no split\)"),
    "cut facts": ("dataset_info.json", 0.5, r"holds a damaged dataset_info\.json of breast_cancer"),
}


@pytest.mark.parametrize("case", DAMAGES)
def test_damaged_data_are_found_on_opening(case, prepared_dir, tmp_path):
    pattern, kept, message = DAMAGES[case]
    catalogue.prepare("breast_cancer_wisconsin", data_dir=prepared_dir)
    name = "jaxmed_breast_cancer_wisconsin"
    shutil.copytree(prepared_dir / name, tmp_path / name)
    (file,) = (tmp_path / name).rglob(pattern)
    content = file.read_bytes()
    file.unlink()
    if kept is not None:
        file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(ValueError, match=message) as caught:
        catalogue.open_split("breast_cancer_wisconsin", "train", data_dir=tmp_path)
    assert str(caught.value).endswith("and run `jaxmed prepare breast_cancer_wisconsin`.")
    assert str(tmp_path) in str(caught.value)
    shutil.rmtree(tmp_path / name)  # the remedy
    assert len(catalogue.load("breast_cancer_wisconsin", data_dir=tmp_path).train)


def test_damage_found_later_names_the_folder_too(prepared_dir):
    source = catalogue.open_split("breast_cancer_wisconsin", "train", data_dir=prepared_dir)
    assert source.feature_names == catalogue.entry("breast_cancer_wisconsin").feature_names

    class Broken:
        def __len__(self):
            return 3

        def __getitems__(self, rows):
            raise RuntimeError("Corrupted {chunk}\nat byte 8")

    broken = dataclasses.replace(source, source=Broken())
    for read in (lambda: broken[1], lambda: columns(broken)):
        with pytest.raises(ValueError, match=r"holds damaged data \(Corrupted \{chunk\}\): remove"):
            read()


def test_a_loaded_table_knows_its_columns(prepared_dir):
    train, _, test = jaxmed.data.load("breast_cancer_wisconsin", data_dir=prepared_dir)
    assert len(train.feature_names) == train.columns["features"].shape[1]
    assert train.feature_names == test.feature_names
