"""Tables: aligned for people, read back exactly by programs."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from tasks.kinds import KINDS, ROWS, untrained

from jaxmed.evaluation import evaluate, metrics_table, tables, write_predictions
from jaxmed.metrics.bootstrap import Interval

METRICS = {
    "auroc": Interval(value=0.9942, low=0.988, high=0.998),
    "log_loss": Interval(value=0.00012, low=float("nan"), high=float("nan")),
}


def test_the_console_table_is_aligned():
    assert metrics_table(METRICS, "Test split").splitlines() == [
        "Test split",
        "  auroc       0.994  [0.988, 0.998]",
        "  log_loss  1.2e-04",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (3, "3"),
        (0.0, "0.000"),
        (0.0004, "4.0e-04"),
        (-0.12345, "-0.123"),
        (999.9996, "1000.000"),
        (12345.678, "12345.7"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_have_three_decimals_where_that_says_something(value, shown):
    assert tables.metric_text(value) == shown


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel", "ordinal", "regression"])
def test_predictions_are_read_back_as_they_were(name, tmp_path):
    columns = dict(KINDS[name].columns)
    columns["group"] = np.array([f"ward 1, bed {row % 4}" for row in range(ROWS)])  # with a comma
    predictions = evaluate(untrained(name), columns, resamples=2).predictions
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == ROWS
    for key, column in predictions.items():
        if column.ndim == 1:
            read = np.array([row[key] for row in rows])
        else:
            names = [f"{key}_{index}" for index in range(column.shape[1])]
            read = np.array([[row[each] for each in names] for row in rows])
        np.testing.assert_array_equal(read.astype(column.dtype), column)
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.csv"]


def test_class_names_head_the_columns(tmp_path):
    predictions = {"id": np.arange(2), "probabilities": np.array([[0.25, 0.75], [1.0, 0.0]])}
    path = tmp_path / "predictions.csv"
    write_predictions(path, predictions, {"probabilities": ["normal", "größer"]})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == ["id,probabilities_normal,probabilities_größer", "0,0.25,0.75", "1,1.0,0.0"]
    with pytest.raises(ValueError, match="classes has 1 names, but probabilities has 2 columns"):
        write_predictions(path, predictions, {"probabilities": ["normal"]})


def test_a_file_of_many_parts_holds_every_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 4)
    path = tmp_path / "predictions.csv"
    for rows in (0, 1, 4, 9):
        write_predictions(path, {"id": np.arange(rows), "note": np.array(['a,\n"b'] * rows)})
        with path.open(newline="", encoding="utf-8") as file:
            head, *read = csv.reader(file)
        assert head == ["id", "note"]
        assert read == [[str(row), 'a,\n"b'] for row in range(rows)]


def test_columns_of_unequal_length_write_nothing(tmp_path):
    path = tmp_path / "predictions.csv"
    with pytest.raises(ValueError, match=r"unequal length, \{'id': 3, 'value': 2\}"):
        write_predictions(path, {"id": np.arange(3), "value": np.zeros(2)})
    assert not path.exists()


def test_the_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "predictions.csv"
    write_predictions(path, {"id": np.arange(3), "value": np.arange(3.0)})
    before = path.read_text()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_predictions(path, {"id": np.arange(9), "value": np.zeros(9)})
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
