"""The data sets of survival times: made-up files, and the published ones against their counts."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jaxmed.data
from jaxmed.data import catalogue
from jaxmed.data.datasets import survival
from jaxmed.data.datasets.survival_facts import (
    SUPPORT2,
    SUPPORT2_CATEGORIES,
    SUPPORT2_KNOWS_FUTURE,
    SUPPORT2_MEASUREMENTS,
    SURVIVAL,
)

NAMES = [entry.name for entry in SURVIVAL]
ARFF = """@relation flchain
@attribute age numeric
@attribute sex {F,M}
@attribute sample.yr {1995,1996}
@attribute kappa numeric
@attribute lambda numeric
@attribute flc.grp {1,2}
@attribute creatinine numeric
@attribute mgus {no,yes}
@attribute futime numeric
@attribute death {alive,dead}
@attribute chapter {Circulatory,Mental,Neoplasms}
@data
97,F,1996,5.7,4.86,2,1.7,no,85,dead,Circulatory
60,M,1995,0.5,0.25,1,?,yes,4000,alive,?
70,M,1995,1,2,1,1,no,0,dead,Mental
71,M,1995,1,2,1,1,no,3,dead,Mental
72,F,1995,1,2,1,1,no,4,dead,Neoplasms
"""


def test_train_rows_of_a_file_of_deepsurv_come_first(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for split, start in (("test", 100), ("train", 0)):
            file[f"{split}/x"] = start + np.arange(4, dtype=np.float32).reshape(2, 2)
            file[f"{split}/t"] = start + np.array([1.5, 2], np.float32)
            file[f"{split}/e"] = np.array([0, 1], np.int32)
    read = survival.read_hdf5(path)
    np.testing.assert_array_equal(read["features"][:, 0], [0, 2, 100, 102])
    np.testing.assert_array_equal(read["time"], [1.5, 2, 101.5, 102])
    np.testing.assert_array_equal(read["event"], [0, 1, 0, 1])


def test_flchain_has_causes_and_no_time_0(tmp_path):
    path = tmp_path / "flchain.arff"
    path.write_text(ARFF)
    limit = csv.field_size_limit()
    read = survival.read_flchain(path)
    assert csv.field_size_limit() == limit
    np.testing.assert_array_equal(read["time"], [85, 4000, 3, 4])
    np.testing.assert_array_equal(read["event"], [1, 0, 1, 1])
    np.testing.assert_array_equal(read["cause"], [1, 0, 3, 2])
    expected = np.float32([97, 0, 1996, 5.7, 4.86, 2, 1.7, 0])
    np.testing.assert_array_equal(read["features"][0], expected)
    expected = np.float32([60, 1, 1995, 0.5, 0.25, 1, np.nan, 1])
    np.testing.assert_array_equal(read["features"][1], expected)


def test_support2_has_gaps_categories_and_nothing_of_the_future(tmp_path):
    columns = [*SUPPORT2_MEASUREMENTS, *SUPPORT2_CATEGORIES, *SUPPORT2_KNOWS_FUTURE]
    assert not set(SUPPORT2_KNOWS_FUTURE) & {*SUPPORT2_MEASUREMENTS, *SUPPORT2_CATEGORIES}
    rows = [
        {name: str(number) for number, name in enumerate(SUPPORT2_MEASUREMENTS)}
        | {name: values[-1] for name, values in SUPPORT2_CATEGORIES.items()}
        | dict.fromkeys(SUPPORT2_KNOWS_FUTURE, "999999")
        | {"d.time": "  12", "death": "1"}
    ]
    rows.append(rows[0] | {"age": "", "income": "", "death": "0"})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*columns, "d.time", "death"])
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "support2.csv"
    path.write_text(text.getvalue())
    read = survival.read_support2(path)
    first, second = (
        dict(zip(SUPPORT2.feature_names, row, strict=True)) for row in read["features"]
    )
    assert 999999 not in read["features"]
    assert [first[name] for name in SUPPORT2_MEASUREMENTS] == list(
        range(len(SUPPORT2_MEASUREMENTS))
    )
    assert first["income=>$50k"] == first["ca=metastatic"] == 1
    assert first["income=under $11k"] == 0
    assert np.isnan(second["age"])
    assert sum(value for name, value in second.items() if name.startswith("income")) == 0
    np.testing.assert_array_equal(read["time"], [12, 12])
    np.testing.assert_array_equal(read["event"], [1, 0])


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_the_published_files(name, tmp_path, manual_dir):
    train, *others = jaxmed.data.load(name, data_dir=tmp_path, manual_dir=manual_dir)
    assert others == [None, None]
    entry = catalogue.entry(name)
    columns = train.columns
    events = {"metabric": 1103, "support": 6036, "flchain": 2166, "support2": 6201, "pbc2": 140}
    assert columns["features"].shape == (entry.sizes["train"], len(entry.feature_names))
    assert columns["event"].sum() == events[name]
    missing = np.isnan(columns["features"]).any()
    assert missing == entry.missing
    if name == "flchain":
        assert np.bincount(columns["cause"]).tolist() == [5705, 742, 567, 857]
    if name == "pbc2":
        check_periods(columns, Path(manual_dir, "survival", "pbc2.csv"))
    if name == "support2":
        path = Path(manual_dir, "survival", "support2.csv")
        table = pd.read_csv(path, skipinitialspace=True)
        expected = table[list(SUPPORT2_MEASUREMENTS)].to_numpy(np.float32)
        width = len(SUPPORT2_MEASUREMENTS)
        np.testing.assert_array_equal(columns["features"][:, :width], expected)
        np.testing.assert_array_equal(columns["time"], table["d.time"])
        for category in SUPPORT2_CATEGORIES:
            dummies = pd.get_dummies(table[category]).sum(axis=1)
            own = [
                i for i, word in enumerate(train.feature_names) if word.startswith(f"{category}=")
            ]
            np.testing.assert_array_equal(columns["features"][:, own].sum(1), dummies)


def check_periods(columns, path):
    """By pandas: patients, their ends, and that no time of observation is lost or doubled."""
    table = pd.read_csv(path)
    last = table.groupby("id").last()
    assert np.bincount(columns["cause"]).tolist() == [1945 - 169, 140, 29]
    length = pd.Series(columns["time"] - columns["start"]).groupby(columns["group"]).sum()
    np.testing.assert_allclose(length, last["years"], atol=1e-5)
    assert (columns["time"] > columns["start"]).all()
    died = pd.Series(columns["event"]).groupby(columns["group"]).sum()
    np.testing.assert_array_equal(died, last["status"] == "dead")
    own = dict(zip(catalogue.entry("pbc2").feature_names, columns["features"].T, strict=True))
    np.testing.assert_allclose(own["bilirubin"], table["serBilir"].astype(np.float32))
    np.testing.assert_array_equal(np.isnan(own["cholesterol"]), table["serChol"].isna())
    np.testing.assert_array_equal(own["edema"] == 1, table["edema"] == "edema despite diuretics")
    np.testing.assert_array_equal(own["male"] == 1, table["sex"] == "male")
    rows = jaxmed.data.landmark_rows(columns, 2.0)
    assert len(rows["time"]) == (last["years"] > 2).sum()
