"""IHDP: made-up files, and the published ones against their counts and the rows of CFR."""

from __future__ import annotations

import json

import numpy as np
import pytest

import jaxmed.data
from jaxmed.data import catalogue
from jaxmed.data.datasets import ihdp


def test_rows_of_two_files(tmp_path):
    lines = ["1,5.5,4,3.5,6.5,-0.5,1", "0,6,7,6.25,7.5,-1,0"], ["0,1,2,3,4,5,6"]
    files = []
    for number, each in enumerate(lines, 1):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text("\n".join(each) + "\n")
    columns, is_test = ihdp.read_replications(files, {"1": [1], "2": []})
    assert is_test.tolist() == [False, True, False]
    assert columns["features"].tolist() == [[-0.5, 1], [-1, 0], [5, 6]]
    expected = {
        "treatment": [1, 0, 0],
        "label": [5.5, 6, 1],
        "mu0": [3.5, 6.25, 3],
        "mu1": [6.5, 7.5, 4],
        "replication": [1, 1, 2],
    }
    assert {name: columns[name].tolist() for name in expected} == expected


@pytest.mark.data
def test_the_published_files(tmp_path, manual_dir):
    splits = jaxmed.data.load("ihdp", data_dir=tmp_path, manual_dir=manual_dir)
    train, test = splits.train.columns, splits.test.columns
    sizes = catalogue.entry("ihdp").sizes
    assert {"train": len(train["id"]), "test": len(test["id"])} == sizes
    assert splits.validation is None
    folder = manual_dir / "molecules_and_effects" / "ihdp"
    rows = json.loads((folder / "cfr_test_rows.json").read_text())["test"]
    for number in (1, 17, 40):
        table = np.loadtxt(folder / "npci" / f"ihdp_npci_{number}.csv", delimiter=",")
        of = test["replication"] == number
        assert (test["id"][of] - 747 * (number - 1)).tolist() == sorted(rows[str(number)])
        expected = table[sorted(rows[str(number)])]
        for column, name in ((0, "treatment"), (1, "label"), (3, "mu0"), (4, "mu1")):
            np.testing.assert_allclose(test[name][of], expected[:, column], rtol=1e-6)
        np.testing.assert_allclose(test["features"][of], expected[:, 5:], rtol=1e-6, atol=1e-7)
    treated = np.concatenate([train["treatment"], test["treatment"]])
    assert treated.sum() == 40 * 139
