"""Tables as they are: kinds of columns, what stands for words, gaps and dates, what is refused."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from jaxmed.data.tables import Column, Schema, read_table, schema_of
from jaxmed.data.tables.schema import schema_of_words

HEADER = ["age", "sex", "smoker", "born", "admitted", "city", "patient_id", "site"]
ROWS = [
    ["61.5", "female", "true", "1950-03-01", "2011-05-02", "Ulm", "1", "A"],
    ["", "male", "false", "1948-07-21", "2011-06-30", "Ulm", "2", "A"],
    ["47", "male", "", "1961-12-31", "2012-01-01", "Bonn", "3", "A"],
    ["35", "female", "false", "", "2012-02-29", "Bonn", "4", "A"],
    ["80", "female", "true", "1931-01-15", "2012-03-01", "Ulm", "5", "A"],
    ["52", "male", "true", "1959-09-09", "2011-11-11", "Bonn", "6", "A"],
    ["NA", "?", "false", "1970-10-10", "2012-04-05", "Kiel", "7", "A"],
]


def write(path, rows=ROWS, header=HEADER, separator=","):
    lines = [separator.join(each) for each in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def raw(tmp_path):
    return read_table(write(tmp_path / "rows.csv"))


def test_kinds_are_told_by_the_cells_and_what_is_left_out_is_said(raw):
    said = []
    schema = schema_of(raw, say=said.append)
    assert {column.name: column.kind for column in schema.columns} == {
        "age": "number",
        "sex": "category",
        "smoker": "category",
        "born": "date",
        "city": "category",
    }
    for name in ("'patient_id' is left out", "'site' is left out", "'admitted' has the latest"):
        assert any(sentence.startswith(name) for sentence in said), name
    assert [column.missing for column in schema.columns] == [2, 1, 1, 1, 0]


def test_cells_become_the_numbers_that_they_mean(raw):
    schema = schema_of(raw)
    age, sex, smoker, born, city = schema.encode(raw).T
    np.testing.assert_array_equal(age, [61.5, np.nan, 47, 35, 80, 52, np.nan])
    # The most frequent word is the first, equal ones by name; Kiel is rarer than three rows.
    np.testing.assert_array_equal(sex, [1, 2, 2, 1, 1, 2, np.nan])
    np.testing.assert_array_equal(smoker, [2, 1, np.nan, 1, 2, 2, 1])
    np.testing.assert_array_equal(city, [2, 2, 1, 1, 2, 1, 0])
    day = datetime.date.fromisoformat
    days = [(day(row[4]) - day(row[3])).days if row[3] else np.nan for row in ROWS]
    np.testing.assert_array_equal(born, days)


def test_columns_are_found_by_name_in_any_order_and_with_any_separator(raw, tmp_path):
    schema = schema_of(raw)
    order = np.random.default_rng(0).permutation(len(HEADER)).tolist()
    for separator in (";", "\t", "|"):
        shuffled = write(
            tmp_path / "shuffled.txt",
            [[*(row[n] for n in order), "more"] for row in ROWS],
            [*(HEADER[n] for n in order), "another"],
            separator,
        )
        np.testing.assert_array_equal(schema.encode(read_table(shuffled)), schema.encode(raw))


def test_only_training_rows_are_counted(raw):
    schema = schema_of(raw, rows=[0, 2, 4, 5], leave_out=["born", "admitted"])
    by_name = {column.name: column for column in schema.columns}
    assert by_name["age"].cuts == (47, 52, 61.5, 80)
    assert by_name["age"].missing == 0
    with pytest.raises(ValueError, match=r"leave_out is 'Age', .*did you mean 'age'"):
        schema_of(raw, leave_out=["Age"])


def test_cuts_are_quantiles_where_there_are_many_values(tmp_path):
    values = np.random.default_rng(0).lognormal(size=200).round(4)
    raw = read_table(write(tmp_path / "x.csv", [[str(x)] for x in values], ["x"]))
    (column,) = schema_of(raw, quantiles=4).columns
    np.testing.assert_allclose(column.cuts, np.percentile(values, [0, 25, 50, 75, 100]))


def test_one_column_of_dates_is_counted_from_the_first_training_day(tmp_path):
    days = ["2020-01-31", "2020-02-01", "2020-03-01", "2019-12-31"]
    path = write(tmp_path / "x.csv", [[day] for day in days], ["visit"])
    raw = read_table(path)
    schema = schema_of(raw, rows=[0, 1, 2])
    assert schema.columns[0].since == "2020-01-31"
    assert schema.needed == ("visit",)
    np.testing.assert_array_equal(schema.encode(raw)[:, 0], [0, 1, 30, -31])
    (sentence,) = schema.outside(schema.encode(raw))
    assert "'visit' has in 1 of 4 rows values outside of those of training, 0 to 30" in sentence


def test_another_unit_and_unknown_words_are_said(raw, tmp_path):
    schema = schema_of(raw)
    months = [
        [str(12 * float(row[0] if row[0][:1].isdigit() else 40)), "other", *row[2:]] for row in ROWS
    ]
    found = schema.encode(read_table(write(tmp_path / "months.csv", months)))
    assert (found[:, 1] == 0).all()
    said = schema.outside(found)
    assert "'age' has in 7 of 7 rows values outside of those of training, 35 to 80" in said[0]
    assert "'sex' has in 7 of 7 rows words that training rows do not have" in said[1]
    assert schema.outside(schema.encode(raw)) == [
        "column 'city' has in 1 of 7 rows words that training rows do not have."
    ]


def test_a_schema_goes_through_json(raw):
    import json

    schema = schema_of(raw)
    assert schema_of_words(json.loads(json.dumps(schema.words()))) == schema
    with pytest.raises(ValueError, match="which is no column"):
        schema_of_words([{"name": "age"}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({(2, 0): "<5"}, "column 'age' holds '<5' in row 2, which is not a finite number"),
        ({(1, 3): "1948"}, "column 'born' holds '1948' in row 1, which is not a date"),
    ],
)
def test_a_cell_of_another_kind_is_refused_by_row(raw, tmp_path, change, message):
    schema = schema_of(raw)
    rows = [list(row) for row in ROWS]
    for (row, column), cell in change.items():
        rows[row][column] = cell
    with pytest.raises(ValueError, match=message):
        schema.encode(read_table(write(tmp_path / "wrong.csv", rows)))


def test_a_needed_column_that_is_not_there_is_named(raw, tmp_path):
    schema = schema_of(raw)
    fewer = write(tmp_path / "x.csv", [row[1:4] for row in ROWS], HEADER[1:4])
    with pytest.raises(ValueError, match="lacks 'age', 'city', 'admitted', which the model reads"):
        schema.encode(read_table(fewer))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty, but must hold a header"),
        ("a,b\n", "holds a header but no rows"),
        ("a,a\n1,2\n", "has 2 columns of the name 'a'"),
        ("a,b\n1\n", "has 2 columns in its header, but 1 in row 0"),
        (None, "there is no such file"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, message):
    path = tmp_path / "x.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_table(path)


def test_numbers_with_a_word_and_dates_of_two_meanings_are_refused(tmp_path):
    rows = [[str(n), f"{n + 1}/{n + 2}/2020"] for n in range(12)]
    path = write(tmp_path / "x.csv", rows, ["crp", "day"])
    with pytest.raises(ValueError, match="'day' holds '1/2/2020', which may be a day and a month"):
        schema_of(read_table(path))
    path = write(tmp_path / "x.csv", [*rows, ["<5", ""]], ["crp", "day"])
    with pytest.raises(ValueError, match="'crp' holds numbers, but '<5' in row 12"):
        schema_of(read_table(path), leave_out=["day"])


def test_a_mark_that_is_there_or_not_is_a_category(tmp_path):
    path = write(tmp_path / "x.csv", [["1", "a"], ["1", "b"], ["1", ""], ["", "c"]], ["mark", "x"])
    said = []
    schema = schema_of(read_table(path), say=said.append)
    assert schema == Schema((Column("mark", "category", ("1",), missing=1),))
    assert said == ["'x' is left out: its 3 words are too many to be categories."]
