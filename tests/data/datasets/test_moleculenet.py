"""MoleculeNet: a made-up file, and the published ones against their counts and computed splits."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest

import jaxmed.data
from jaxmed.data import catalogue
from jaxmed.data.datasets import moleculenet
from jaxmed.data.datasets.molecule_facts import MOLECULENET

NAMES = [entry.name for entry in MOLECULENET]
COMPUTED = {"lipophilicity": "lipo"}


def test_labels_that_are_not_there_are_minus_1(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('b,"a, c",smiles\n1,0, CCO\n,1,"C(=O)O"\n0,,C\n')
    facts = dataclasses.replace(catalogue.entry("tox21"), classes=("a, c", "b"))
    read = moleculenet.read_moleculenet(path, facts)
    assert read["smiles"].tolist() == ["CCO", "C(=O)O", "C"]
    assert read["label"].tolist() == [[0, 1], [1, -1], [-1, 0]]
    assert read["label"].dtype == np.int32


def test_rows_that_cannot_be_read_are_in_no_split():
    rows = moleculenet.scaffold_rows(np.array(["C", "C(", *["c1ccccc1"] * 8], object))
    assert sorted(np.concatenate(list(rows.values())).tolist()) == [0, *range(2, 10)]


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("tox21", "lipophilicity")])
def test_the_published_files(name, tmp_path, manual_dir):
    entry = catalogue.entry(name)
    splits = jaxmed.data.load(name, data_dir=tmp_path, manual_dir=manual_dir)
    folder = manual_dir / "molecules_and_effects"
    path = folder / "moleculenet_splits" / "computed" / f"{COMPUTED.get(name, name)}.json"
    expected = json.loads(path.read_text())
    with (folder / "moleculenet" / expected["file"]).open(newline="") as file:
        table = list(csv.DictReader(file))
    for split, key in zip(splits, ("train", "valid", "test"), strict=True):
        assert split.columns["id"].tolist() == sorted(expected[key])
        rows = [table[row] for row in split.columns["id"]]
        assert split.columns["smiles"].tolist() == [row["smiles"].strip() for row in rows]
    assert {
        key: len(split.columns["id"]) for key, split in zip(entry.sizes, splits, strict=True)
    } == entry.sizes
    label = splits.test.columns["label"]
    columns = moleculenet._COLUMNS.get(name, entry.classes)
    words = np.array([[float(row[column] or -1) for column in columns] for row in rows])
    np.testing.assert_allclose(label.reshape(words.shape), words, rtol=1e-6)
    assert label.dtype == (np.float32 if entry.task == "regression" else np.int32)
