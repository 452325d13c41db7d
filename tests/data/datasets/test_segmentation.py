"""The data sets of segmentation: made-up files, and the published ones against other readers."""

from __future__ import annotations

import csv
import io
import tarfile
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from published_texts import published

import jaxmed.data
from jaxmed.data import catalogue, columns
from jaxmed.data.datasets import hippocampus, lungs, nuclei
from jaxmed.data.datasets.segmentation_facts import split_of_case

RNG = np.random.default_rng(0)
SPLITS = ("train", "validation", "test")


def _cases(split, count):
    """Names of made-up cases of one split."""
    names = (f"hippocampus_{number:03}" for number in range(1, 999))
    return [name for name in names if split_of_case(name) == split][:count]


def _tar(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _nifti(values):
    """Values [depth, height, width] as a file with axes to the right, front and head."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii.gz"
        stored = values[:, ::-1, ::-1].transpose(2, 1, 0)
        nibabel.save(nibabel.Nifti1Image(stored, np.diag([1.0, 1, 1, 1])), path)
        return path.read_bytes()


def test_hippocampus_is_padded_about_its_center(monkeypatch, tmp_path):
    cases = [*_cases("train", 3), *_cases("validation", 1), *_cases("test", 2)]
    images = {name: RNG.normal(size=(30, 51, 35)).astype(np.float32) for name in cases}
    labels = {name: RNG.integers(0, 3, (30, 51, 35)).astype(np.uint8) for name in cases}
    members = {f"m/images/{name}.nii.gz": _nifti(images[name]) for name in cases[::-1]}
    members |= {f"m/labels/{name}.nii.gz": _nifti(labels[name]) for name in cases}
    members |= {"m/images/.DS_Store": b"x", "m/unpaired/label_1.nii.gz": b"x"}
    read = published(
        monkeypatch,
        tmp_path,
        hippocampus,
        "HIPPOCAMPUS",
        "hippocampus",
        {"msd_hippocampus.tar.xz": _tar(members)},
    )
    widths = ((9, 9), (6, 7), (6, 7))
    for split, count in (("train", 3), ("validation", 1), ("test", 2)):
        found = read(split)
        names = _cases(split, count)
        assert found["image"].dtype == np.float32
        assert found["label"].dtype == np.int8
        for row, name in enumerate(names):
            lowest = images[name].min()
            expected = np.pad(images[name], widths, constant_values=lowest)
            np.testing.assert_array_equal(found["image"][row, ..., 0], expected)
            expected = np.pad(labels[name].astype(np.int8), widths, constant_values=-1)
            np.testing.assert_array_equal(found["label"][row], expected)
        np.testing.assert_array_equal(found["spacing"], 1)
        assert found["id"].tolist() == [int(name[-3:]) for name in names]
        assert found["fold"].tolist() == [sorted(cases).index(name) % 5 for name in names]


def _npz(**arrays):
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def test_nuclei_are_numbered(monkeypatch, tmp_path):
    ids = np.array([f"{number:064}" for number in range(30)])
    gray = RNG.integers(0, 256, (30, 256, 256, 1), np.uint8)
    instance = RNG.integers(0, 3, (30, 256, 256)).astype(np.uint16)
    content = _npz(images=gray.repeat(3, -1), instance_labels=instance, ids=ids)
    read = published(
        monkeypatch,
        tmp_path,
        nuclei,
        "DSB2018_NUCLEI",
        "dsb2018_nuclei",
        {"dsb2018_256.npz": content},
    )
    for split in SPLITS:
        rows = [row for row, name in enumerate(ids) if split_of_case(name) == split]
        found = read(split)
        np.testing.assert_array_equal(found["id"], rows)
        np.testing.assert_array_equal(found["image"], gray[rows])
        np.testing.assert_array_equal(found["instance"], instance[rows])
        np.testing.assert_array_equal(found["label"], instance[rows] > 0)


def test_lungs_are_split_by_patient(monkeypatch, tmp_path):
    patients = np.array([f"MCUCXR_{number // 2:04}" for number in range(40)])
    masks = RNG.integers(0, 2, (40, 128, 128), np.uint8)
    content = _npz(
        images=masks * 9, masks=masks, group=patients, tuberculosis=np.arange(40) % 3 == 0
    )
    read = published(
        monkeypatch,
        tmp_path,
        lungs,
        "MONTGOMERY_LUNGS",
        "montgomery_lungs",
        {"montgomery_lungs_128.npz": content},
    )
    groups = []
    for split in SPLITS:
        found = read(split)
        np.testing.assert_array_equal(found["label"], masks[found["id"]])
        np.testing.assert_array_equal(found["image"][..., 0], 9 * masks[found["id"]])
        np.testing.assert_array_equal(found["tuberculosis"], found["id"] % 3 == 0)
        np.testing.assert_array_equal(found["group"], found["id"] // 2)
        groups.append(set(found["group"].tolist()))
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


def _load(name, folder, manual_dir):
    splits = jaxmed.data.load(name, data_dir=folder, manual_dir=manual_dir)
    entry = catalogue.entry(name)
    read = dict(zip(SPLITS, splits, strict=True))
    assert {split: len(each) for split, each in read.items()} == dict(entry.sizes)
    assert all(each.classes == entry.classes for each in read.values())
    return {split: columns(each) for split, each in read.items()}


@pytest.mark.data
@pytest.mark.slow
def test_the_published_hippocampus(manual_dir, prepared, tmp_path):
    """Splits, folds and volumes of the list that came with it; voxels by nibabel."""
    read = _load("hippocampus", prepared, manual_dir)
    with (manual_dir / "hippocampus_split.csv").open() as file:
        rows = {int(row["id"][-3:]): row for row in csv.DictReader(file)}
    for split in SPLITS:
        wanted = [number for number, row in rows.items() if row["split"] == split]
        assert read[split]["id"].tolist() == sorted(wanted)
        for row, number in enumerate(read[split]["id"].tolist()):
            label, facts = read[split]["label"][row], rows[number]
            assert read[split]["fold"][row] == int(facts["fold"])
            counts = [(label == 1).sum(), (label == 2).sum()]
            assert counts == [int(facts["anterior_voxels"]), int(facts["posterior_voxels"])]
            assert (label >= 0).sum() == np.prod([
                int(facts[axis]) for axis in ("depth", "height", "width")
            ])  # fmt: skip
    with tarfile.open(manual_dir / "msd_hippocampus.tar.xz") as files:
        names = [f"msd_hippocampus/{kind}/hippocampus_001.nii.gz" for kind in ("images", "labels")]
        files.extractall(tmp_path, names, filter="data")
    example = {key: value[0] for key, value in read["test"].items()}
    assert example["id"] == 1
    inside = example["label"] >= 0
    for name, found in zip(names, (example["image"][..., 0], example["label"]), strict=True):
        image = nibabel.as_closest_canonical(nibabel.load(tmp_path / name))
        values = np.asarray(image.dataobj)[::-1, ::-1].transpose(2, 1, 0)
        np.testing.assert_array_equal(found[inside], values.ravel())
    assert (example["image"][~inside[..., None]] == example["image"][inside].min()).all()


@pytest.mark.data
def test_the_published_nuclei(manual_dir, prepared):
    read = _load("dsb2018_nuclei", prepared, manual_dir)
    with (manual_dir / "dsb2018_split.csv").open() as file:
        rows = list(csv.DictReader(file))
    for split in SPLITS:
        ids = [number for number, row in enumerate(rows) if row["split"] == split]
        np.testing.assert_array_equal(read[split]["id"], ids)
        objects = [len(np.unique(each)) - 1 for each in read[split]["instance"]]
        assert objects == [int(rows[number]["nuclei"]) for number in ids]
        np.testing.assert_array_equal(read[split]["label"], read[split]["instance"] > 0)
    with np.load(manual_dir / "dsb2018_256.npz") as arrays:
        images = arrays["images"]
    assert (images == images[..., :1]).all()
    np.testing.assert_array_equal(read["test"]["image"], images[read["test"]["id"], ..., :1])


@pytest.mark.data
def test_the_published_lungs(manual_dir, prepared):
    read = _load("montgomery_lungs", prepared, manual_dir)
    with np.load(manual_dir / "montgomery_lungs_128.npz") as stored:
        arrays = dict(stored)
    for split in SPLITS:
        rows = read[split]["id"]
        np.testing.assert_array_equal(rows, np.flatnonzero(arrays["split"] == split))
        np.testing.assert_array_equal(read[split]["label"], arrays["masks"][rows])
        np.testing.assert_array_equal(read[split]["image"][..., 0], arrays["images"][rows])
        np.testing.assert_array_equal(read[split]["tuberculosis"], arrays["tuberculosis"][rows])
        names = [f"MCUCXR_{number:04}" for number in read[split]["group"]]
        np.testing.assert_array_equal(names, arrays["group"][rows])


def test_a_derived_file_says_how_it_is_made(tmp_path):
    (tmp_path / "manual").mkdir()
    with pytest.raises(
        ConnectionError, match=r"it is derived from the files at https://bbbc.* stage1_train .*man"
    ):
        catalogue.prepare(
            "dsb2018_nuclei", data_dir=tmp_path / "data", manual_dir=tmp_path / "manual"
        )
