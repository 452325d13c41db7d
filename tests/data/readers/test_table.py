"""CSV files: columns the user names, and files as hospitals export them."""

import csv

import numpy as np
import pytest

from jaxmed.data import columns, from_arrays, from_csv, split, subset

HEADER = ["patient", "visit", "age", "lactate", "diagnosis", "days"]
ROWS = [
    ["P7", "11", "61", "1.5", "sepsis", "3.5"],
    ["P2", "12", "47", "0.9", "none", "1"],
    ["P7", "13", "62", "4.1", "sepsis", "9"],
]


@pytest.fixture
def write(tmp_path):
    def written(rows=ROWS, header=HEADER, delimiter=","):
        path = tmp_path / "visits.csv"
        with path.open("w", newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
        return path

    return written


def _open(path, **changes):
    arguments = {
        "features": ["lactate", "age"],
        "label": "diagnosis",
        "classes": ("none", "sepsis"),
    }
    return from_csv(path, **(arguments | {"id": "visit", "group": "patient"} | changes))


def test_columns_are_the_users(write):
    source = _open(write())
    assert source.classes == ("none", "sepsis")
    read = columns(source)
    np.testing.assert_array_equal(read["features"], np.float32([[1.5, 61], [0.9, 47], [4.1, 62]]))
    np.testing.assert_array_equal(read["label"], [1, 0, 1])
    np.testing.assert_array_equal(read["id"], [11, 12, 13])
    np.testing.assert_array_equal(read["group"], [1, 0, 1])
    assert [read[key].dtype for key in ("features", "label", "id", "group")] == [
        np.float32,
        np.int32,
        np.int32,
        np.int32,
    ]


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "null"])
def test_missing_cells_become_nan_where_they_are_allowed(write, cell):
    read = columns(_open(write(_with(1, "age", cell)), allow_missing=True))
    expected = np.float32([[1.5, 61], [0.9, np.nan], [4.1, 62]])
    np.testing.assert_array_equal(read["features"], expected)
    assert read["features"].dtype == np.float32


def test_a_measurement_to_regress_and_another_separator(write):
    path = write(delimiter=";")
    read = columns(_open(path, label="days", classes=None, id=None, group=None, separator=";"))
    assert read["label"].dtype == np.float32
    np.testing.assert_array_equal(read["label"], np.float32([3.5, 1, 9]))
    np.testing.assert_array_equal(read["id"], range(3))


def test_rows_to_predict_have_no_label(write):
    read = columns(_open(write(), label=None, classes=None))
    assert sorted(read) == ["features", "group", "id"]
    np.testing.assert_array_equal(read["features"], np.float32([[1.5, 61], [0.9, 47], [4.1, 62]]))


def _with(row, column, value):
    rows = [list(line) for line in ROWS]
    rows[row][HEADER.index(column)] = value
    return rows


BAD = {
    "column": (ROWS, {"features": ["lactat"]},
               "features names the column 'lactat', .*: did you mean 'lactate'"),
    "label column": (ROWS, {"label": "dx"}, r"label names the column 'dx', .* it has 'patient'"),
    "missing": (_with(1, "age", ""), {},
                "'age' holds '' in row 1, so values are missing: pass allow_missing=True to read"),
    "nan": (_with(1, "age", "NaN"), {}, "'age' holds 'NaN' in row 1, so values are missing: pass"),
    "infinite, allowing missing": (_with(2, "age", "inf"), {"allow_missing": True},
                                   "column 'age' holds 'inf' in row 2, which is not a finite"),
    "unknown, allowing missing": (_with(2, "age", "?"), {"allow_missing": True},
                                  r"column 'age' holds '\?' in row 2, which is not a finite"),
    "no class, allowing missing": (_with(0, "diagnosis", ""), {"allow_missing": True},
                                   "'diagnosis' holds '' in row 0, which is not among classes"),
    "no measurement, allowing missing": (
        _with(0, "days", ""), {"label": "days", "classes": None, "allow_missing": True},
        "column 'days' holds '' in row 0, so values are missing: fill those values in"),
    "infinite": (_with(2, "age", "inf"), {}, "column 'age' holds 'inf' in row 2"),
    "words": (ROWS, {"features": ["diagnosis"], "label": "days", "classes": None},
              r"'sepsis' in 3 rows .* encode words"),
    "class": (_with(0, "diagnosis", "?"), {}, r"holds '\?' in row 0, which is not among classes"),
    "twice": (_with(2, "visit", "11"), {}, "column 'visit' repeats '11' in row 2, but an id"),
    "group": (_with(2, "patient", ""), {}, "column 'patient' is empty in row 2"),
    "rows": ([], {}, "holds a header but no rows"),
    "string": (ROWS, {"features": "age"}, "features is 'age', but must be a list"),
    "feature twice": (ROWS, {"features": ["age", "age"]}, "names the column 'age', which features"),
    "feature and label": (ROWS, {"features": ["age", "diagnosis"]},
                          "label names the column 'diagnosis', which features names already"),
    "feature and group": (ROWS, {"features": ["patient"]}, "group names the column 'patient', whi"),
    "label and group": (ROWS, {"label": "patient"}, "group names the column 'patient', whi"),
    "class twice": (ROWS, {"classes": ("none", "sepsis", "sepsis")}, "names 'sepsis' twice: "),
    "class twice but for a blank": (ROWS, {"classes": ("none", "none ")}, "names 'none' twice: "),
    "letters": (ROWS, {"classes": "ns"}, "classes is 'ns', whose letters would be the classes"),
    "one number": (_with(2, "visit", "11.0"), {}, r"repeats '11\.0' in row 2, but an id"),
    "decimal comma": (_with(0, "age", "61,5"), {}, "'61,5' in row 0, .* decimal point: write 1234"),
    "too large": (_with(0, "age", "1e39"), {}, "'age' holds '1e39' in row 0, which is not a fini"),
    "long": (_with(0, "age", "x" * 9999), {}, r"'age' holds 'x{60}\.\.\.' in row 0"),
    "no name": (ROWS, {"features": [""]}, "features names a column '', but must hold a name"),
    "case": (ROWS, {"features": ["AGE"]}, "names the column 'AGE', .* did you mean 'age'"),
    "words to regress": (ROWS, {"classes": None}, "name words in classes, the positive one last"),
    "nobody": (_with(2, "patient", "?"), {}, "column 'patient' is empty in row 2"),
    "two spellings": (_with(2, "patient", "p7"), {}, "group holds both 'P7' and 'p7', which may"),
    "no label": (ROWS, {"label": None}, r"classes is \('none', 'sepsis'\), but label is None"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_sentence(write, case):
    rows, changes, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        _open(write(rows), **changes)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_are_refused_where_one_of_them_is_meant(write):
    header = ["patient", "visit", "age", "lactate", "diagnosis", "age"]
    assert len(columns(_open(write(header=header), features=["lactate"]))["features"]) == 3
    with pytest.raises(ValueError, match=r"the column 'age', but .* has 2 columns of that name"):
        _open(write(header=header))


def test_files_that_are_no_such_table_hint_at_the_separator(write, tmp_path):
    with pytest.raises(ValueError, match=r"it has only 'patient;visit.* is another one"):
        _open(write(delimiter=";"))
    (tmp_path / "ragged.csv").write_text("age,dx\n1,a\n1,a,2,3\n")
    with pytest.raises(ValueError, match=r"ragged\.csv has 2 columns .* but 4 in row 1: "):
        from_csv(tmp_path / "ragged.csv", features=["age"], label="dx", classes=["a"])


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path is .*none\.csv"):
        _open(tmp_path / "none.csv")


def test_names_of_columns_and_classes_are_compared_without_blanks_and_composed(tmp_path):
    (tmp_path / "t.csv").write_text(
        "a\u0301ge , x\u00a0y,dx\n1,2,non\u00a0\n3,4,ou\u0301i\n", encoding="utf-8"
    )
    source = from_csv(
        tmp_path / "t.csv", features=["x y", "\u00e1ge"], label="dx", classes=["non", "o\u00fai"]
    )
    assert source.columns["features"].tolist() == [[2, 1], [4, 3]]
    with pytest.raises(ValueError, match="which is not among classes"):
        from_csv(tmp_path / "t.csv", features=["x y"], label="dx", classes=["non", "oui"])


def test_features_are_found_by_name_and_their_names_kept(write):
    swapped = write([row[::-1] for row in ROWS], HEADER[::-1])
    source = _open(swapped)
    unlabelled = _open(swapped, label=None, classes=None)
    assert source.columns["features"].tolist() == _open(write()).columns["features"].tolist()
    for part in (source, subset(source, np.arange(2)), *split(unlabelled, (0.5, 0.5), seed=0)):
        assert part.feature_names == ("lactate", "age")
    with pytest.raises(ValueError, match=r"feature_names is \('a',\), but must .* 2 columns"):
        from_arrays({"features": np.ones((3, 2))}, feature_names=["a"])
