"""PhysioNet 2012 as a data set: made-up files, and the published outcomes by scikit-learn."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest
from published_texts import published, tarred
from sklearn.model_selection import train_test_split

from jaxmed.data import catalogue
from jaxmed.data.datasets import physionet2012

HEAD = "RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death\n"
STAY = "Time,Parameter,Value\n00:00,RecordID,{0}\n00:00,Age,{1}\n00:00,Weight,-1\n01:00,HR,{1}\n"


def test_outcomes_are_labels_and_never_inputs(monkeypatch, tmp_path):
    stays = {part: [start + i for i in range(20)] for part, start in (("a", 100), ("b", 300))}
    died = {stay: int(stay % 4 == 0) for part in stays.values() for stay in part}
    files = {
        f"ehr/set-{part}/{stay}.txt": STAY.format(stay, 40 + stay % 50)
        for part, own in stays.items()
        for stay in own
    }
    for part, own in stays.items():
        lines = "".join(f"{stay},{stay % 9 - 1},77777,88888,99999,{died[stay]}\n" for stay in own)
        files[f"ehr/Outcomes-{part}.txt"] = HEAD + lines
    read = published(
        monkeypatch,
        tmp_path,
        physionet2012,
        "PHYSIONET2012",
        "physionet2012",
        {"physionet2012.tar.xz": tarred(files)},
    )
    found = {split: read(split) for split in ("train", "validation", "test")}
    assert {split: len(columns["id"]) for split, columns in found.items()} == {
        "train": 16,
        "validation": 4,
        "test": 20,
    }
    assert found["test"]["id"].tolist() == stays["b"]
    assert sorted([*found["train"]["id"], *found["validation"]["id"]]) == stays["a"]
    for columns in found.values():
        ids = columns["id"]
        assert columns["label"].tolist() == [died[stay] for stay in ids]
        assert columns["baseline_saps_1"].tolist() == (ids % 9 - 1).tolist()
        assert columns["event_count"].tolist() == [1] * len(ids)
        np.testing.assert_array_equal(columns["event_value"][:, 0], 40 + ids % 50)
        np.testing.assert_array_equal(columns["descriptors"][:, 0], 40 + ids % 50)
        assert np.isnan(columns["descriptors"][:, 1:]).all()
        for column in columns.values():
            assert not np.isin(column, (77777, 88888, 99999)).any()


def test_the_score_of_the_publisher_is_named_a_baseline():
    entry = catalogue.entry("physionet2012")
    assert entry.key == "event_value"
    assert "never an input" in entry.note


@pytest.mark.data
def test_published_outcomes(manual_dir):
    with tarfile.open(Path(manual_dir) / "physionet2012.tar.xz") as archive:
        members = {Path(member.name).name: member for member in archive}
        texts = {
            part: archive.extractfile(members[f"Outcomes-{part}.txt"]).read().decode()
            for part in "ab"
        }
    died = {
        part: [int(row["In-hospital_death"]) for row in csv.DictReader(text.splitlines())]
        for part, text in texts.items()
    }
    assert {part: (len(each), sum(each)) for part, each in died.items()} == {
        "a": (4000, 554),
        "b": (4000, 568),
    }
    train, validation = physionet2012.split_set_a(died["a"])
    expected = train_test_split(np.arange(4000), test_size=0.2, stratify=died["a"], random_state=0)
    assert set(train) == set(expected[0])
    assert set(validation) == set(expected[1])
    assert sum(died["a"][row] for row in validation) == 111
