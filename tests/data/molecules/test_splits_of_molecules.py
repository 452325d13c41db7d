"""Splits by scaffold against their rule and published index files."""

from __future__ import annotations

import csv
import json
import pickle

import numpy as np
import pytest

from jaxmed.data import molecules
from jaxmed.data.molecules.parse import parsed

FOLDER = "molecules_and_effects"
FILES = {
    "bbbp": "BBBP.csv",
    "esol": "ESOL_delaney-processed.csv",
    "freesolv": "FreeSolv_SAMPL.csv",
    "clintox": "clintox.csv",
}


def test_scaffolds_of_known_molecules():
    found = molecules.scaffolds(["CCc1ccccc1", "CCO", "CCCC", "O=C(c1ccccc1)C1CC1C"])
    assert found == ["c1ccccc1", "", "", "O=C(c1ccccc1)C1CC1"]


def test_scaffolds_go_whole_by_size_into_the_parts():
    ring, pair, acyclic = "Cc1ccccc1", "C1CC1CC1CC1", "CCO"
    smiles = [ring] * 3 + [acyclic] * 5 + [pair] + ["C1CCC1"]
    train, validation, test = molecules.scaffold_split(smiles, (0.8, 0.1, 0.1))
    assert train.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert validation.tolist() == [9]  # of two scaffolds of one row the later
    assert test.tolist() == [8]


@pytest.mark.parametrize("fractions", [(), (0.5, 0.4), (1.5, -0.5)])
def test_fractions_are_checked(fractions):
    with pytest.raises(ValueError, match=r"^fractions"):
        molecules.scaffold_split(["C"], fractions)


@pytest.mark.data
@pytest.mark.parametrize("name", FILES)
def test_computed_splits_are_reproduced(name, manual_dir):
    with (manual_dir / FOLDER / "moleculenet" / FILES[name]).open(newline="") as file:
        smiles = [row["smiles"] for row in csv.DictReader(file)]
    readable = np.array([row for row, each in enumerate(parsed(smiles)) if each is not None])
    parts = molecules.scaffold_split([smiles[row] for row in readable])
    path = manual_dir / FOLDER / "moleculenet_splits" / "computed" / f"{name}.json"
    expected = molecules.read_index_file(path, rows=len(smiles))
    for part, rows in zip(parts, expected.values(), strict=True):
        np.testing.assert_array_equal(readable[part], np.sort(rows))


@pytest.mark.data
def test_index_files_of_chembench(manual_dir):
    import pandas as pd

    folder = manual_dir / FOLDER / "moleculenet_splits" / "chembench"
    for name, rows in (("BBBP.scaffold122", 2039), ("ESOL.random123", 1128)):
        found = molecules.read_index_file(folder / f"{name}.ind.pkl", rows=rows)
        series = pd.read_pickle(folder / f"{name}.ind.pkl")
        for own, other in zip(found.values(), series, strict=True):
            np.testing.assert_array_equal(own, other)
        assert sum(map(len, found.values())) == rows


class _Runs:
    def __reduce__(self):
        return (print, ("run",))


def test_an_index_file_runs_no_code(tmp_path, capsys):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(_Runs()))
    with pytest.raises(
        ValueError, match=r"no pickled series of ChemBench \(it names builtins.prin"
    ):
        molecules.read_index_file(path, rows=3)
    assert capsys.readouterr().out == ""


WRONG = {
    "twice": ({"train": [0, 1], "valid": [1], "test": [2]}, "row 1 stands twice"),
    "outside": ({"train": [0, 1], "valid": [9], "test": [2]}, "names row 9, but the table has 3"),
    "negative": ({"train": [-1], "valid": [0], "test": [2]}, "names row -1"),
    "no test": ({"train": [0], "valid": [1]}, "no list 'test'"),
    "words": ({"train": ["a"], "valid": [1], "test": [2]}, "'train' is no list of row numbers"),
    "no parts": ([1, 2], "no list 'train'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_index_files_are_checked(case, tmp_path):
    content, message = WRONG[case]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        molecules.read_index_file(path, rows=3)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^path is"):
        molecules.read_index_file(tmp_path / "none.json", rows=3)
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="which is no JSON"):
        molecules.read_index_file(tmp_path / "a.json", rows=3)
