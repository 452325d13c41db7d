"""Cells of a CSV file stay text until a column is parsed."""

import numpy as np
import pandas as pd
import pytest

from jaxmed.data.readers.csv_file import parse_numbers, read_annotations, read_csv


def test_cells_are_read_as_they_are_written(tmp_path):
    (tmp_path / "a.csv").write_text("stage,value\n01,NA\n 2,1e3\n")
    rows = read_csv(tmp_path / "a.csv", ",", [("label", "stage"), ("id", "value"), ("group", None)])
    assert rows["stage"].tolist() == ["01", "2"]
    assert rows["value"].tolist() == ["NA", "1e3"]


def test_numbers_are_parsed_and_missing_ones_only_where_allowed():
    column = pd.Series(["1e3", " 2", "n/a", ""], name="x")
    found = parse_numbers(column, allow_missing=True)
    np.testing.assert_array_equal(found, [1000, 2, np.nan, np.nan])
    message = r"column 'x' holds 'n/a' in 2 rows \(2, 3\), so values are missing: drop it, fill"
    with pytest.raises(ValueError, match=message):
        parse_numbers(column, remedy="drop it, ")
    with pytest.raises(ValueError, match=r"holds 'high' in row 1, which is not a finite number"):
        parse_numbers(pd.Series(["", "high"], name="x"), allow_missing=True)


def test_only_named_columns_are_annotations():
    rows = pd.DataFrame({"d": ["ill", "well"], "n": ["7", "9"], "p": ["B", "A"]})
    found = read_annotations(rows, label="d", classes=["well", "ill"], id="n", group="p")
    assert {key: column.tolist() for key, column in found.items()} == {
        "label": [1, 0],
        "id": [7, 9],
        "group": ["B", "A"],
    }
    measured = read_annotations(rows, label="n", classes=None, id=None, group=None)
    assert list(measured) == ["label"]
    np.testing.assert_array_equal(measured["label"], [7, 9])
