"""IHDP: made-up files, and the published ones against their counts and the rows of CFR."""

from __future__ import annotations

import json

import numpy as np
import pytest

import jaxmed.data
from jaxmed.data import catalogue
from jaxmed.data.datasets import ihdp
from jaxmed.data.datasets.files import obtain


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


def test_the_splits_have_the_named_test_rows(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    table = random.normal(size=(6, 30)).astype(np.float32)
    table[:, 0] = np.arange(6) % 2
    np.savetxt(tmp_path / "1.csv", table, delimiter=",")
    (tmp_path / "rows.json").write_text('{"test": {"1": [1, 4]}}')
    files = [tmp_path / "rows.json", tmp_path / "1.csv"]
    monkeypatch.setattr(ihdp, "obtain_all", lambda *_: files)
    train, validation, test = jaxmed.data.load("ihdp", data_dir=tmp_path / "data")
    assert validation is None
    assert train.columns["id"].tolist() == [0, 2, 3, 5]
    assert test.columns["id"].tolist() == [1, 4]
    np.testing.assert_allclose(test.columns["features"], table[[1, 4], 5:], rtol=1e-6)
    np.testing.assert_allclose(test.columns["mu1"], table[[1, 4], 4], rtol=1e-6)
    assert train.columns["treatment"].tolist() == [0, 0, 1, 1]


@pytest.mark.data
def test_the_published_files(tmp_path, manual_dir):
    entry = catalogue.entry("ihdp")
    rows, *files = [
        obtain(file, manual_dir=manual_dir, download_dir=tmp_path) for file in entry.files
    ]
    test_rows = json.loads(rows.read_text())["test"]
    columns, is_test = ihdp.read_replications(files, test_rows)
    assert {"train": int((~is_test).sum()), "test": int(is_test.sum())} == entry.sizes
    assert columns["features"].shape[1:] == entry.shape == (len(entry.feature_names),)
    for number in (1, 17, 40):
        own = columns["replication"] == number
        assert np.flatnonzero(is_test[own]).tolist() == sorted(test_rows[str(number)])
        t, mu0, mu1 = (columns[name][own] for name in ("treatment", "mu0", "mu1"))
        assert t.sum() == 139
        # Hill's response surface B: the effect on the treated is 4, the noise has deviation 1.
        assert (mu1 - mu0)[t == 1].mean() == pytest.approx(4, abs=1e-4)
        noise = columns["label"][own] - np.where(t == 1, mu1, mu0)
        assert noise.std() == pytest.approx(1, abs=0.1)
