"""CSV and TSV files of texts: as they were written, or refused with what is wrong and where."""

import csv

import numpy as np
import pytest

from jaxmed.data import columns, from_text_csv

HEADER = ["report", "patient", "finding", "score", "number"]
TEXTS = ['No "acute" finding, clear lungs.', "Opacity\nin the left lobe.", "Übelkeit; 38,5 °C"]
ROWS = [
    [TEXTS[0], "P7", "normal", "0.5", "31"],
    [TEXTS[1], "P2", "pneumonia", "2", "32"],
    [TEXTS[2], "P7", "normal", "1", "33"],
]
CLASSES = ("normal", "pneumonia")


@pytest.fixture
def write(tmp_path):
    def written(rows=ROWS, separator=",", encoding="utf-8"):
        path = tmp_path / "reports.csv"
        with path.open("w", newline="", encoding=encoding) as stream:
            csv.writer(stream, delimiter=separator).writerows([HEADER, *rows])
        return path

    return written


def _open(path, **changes):
    return from_text_csv(
        path, **({"text": "report", "label": "finding", "classes": CLASSES} | changes)
    )


@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_texts_come_back_as_they_were_written(write, separator, encoding):
    path = write(separator=separator, encoding=encoding)
    source = _open(path, group="patient", id="number", separator=separator)
    assert source.classes == CLASSES
    read = columns(source)
    assert read["text"].dtype == object
    assert read["text"].tolist() == TEXTS
    np.testing.assert_array_equal(read["label"], [0, 1, 0])
    np.testing.assert_array_equal(read["group"], [1, 0, 1])
    np.testing.assert_array_equal(read["id"], [31, 32, 33])


def test_measurements_and_no_label_at_all(write):
    read = columns(_open(write(), label="score", classes=None))
    np.testing.assert_array_equal(read["label"], np.float32([0.5, 2, 1]))
    assert sorted(columns(_open(write(), label=None, classes=None))) == ["id", "text"]


def _with(row, column, value):
    rows = [list(line) for line in ROWS]
    rows[row][HEADER.index(column)] = value
    return rows


BAD = {
    "column": (ROWS, {"text": "reports"}, "text names the column 'reports', .* mean 'report'"),
    "label column": (ROWS, {"label": "findings"}, "label names the column .* mean 'finding'"),
    "empty": (_with(1, "report", " \n"), {}, "column 'report' is empty in row 1, but every row"),
    "class": (_with(2, "finding", "?"), {}, r"holds '\?' in row 2, which is not among classes"),
    "score": (ROWS, {"classes": None}, "'finding' holds 'normal' in 3 rows .* not a finite number"),
    "group": (_with(0, "patient", ""), {"group": "patient"}, "'patient' is empty in row 0"),
    "twice": (_with(1, "number", "31"), {"id": "number"}, "column 'number' repeats '31' in row 1"),
    "rows": ([], {}, "holds a header but no rows"),
    "separator": (ROWS, {"separator": ";"}, "it has only 'report,patient.* is another one"),
    "no label": (ROWS, {"label": None}, r"classes is \('normal', .* but label is None: name"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_get_one_sentence(write, case):
    rows, changes, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        _open(write(rows), **changes)
    assert "\n" not in str(caught.value)


def test_many_empty_texts_are_counted_and_the_first_listed(write):
    rows = [["", "P1", "normal", "1", "1"]] * 7
    with pytest.raises(ValueError, match=r"in 7 rows \(the first: 0, 1, 2, 3, 4\)"):
        _open(write(ROWS[:0] + rows))


def test_the_line_that_is_not_utf8_is_named(write):
    # Latin-1; line 2 and lines 3 to 4 hold the first two texts.
    with pytest.raises(ValueError, match=r"reports\.csv is not UTF-8 in line 5 \(byte 0xdc\)"):
        _open(write(encoding="latin-1"))


@pytest.mark.parametrize("body", ["a, b,1\nc, d,0\n", "a, b,1\n", "a,1\nb, c,0\n", '"a,1\nb,0\n'])
def test_a_text_that_is_not_quoted_is_never_cut(tmp_path, body):
    (tmp_path / "raw.csv").write_text("report,finding\n" + body)
    with pytest.raises(
        ValueError, match=r"raw\.csv has (2 columns in its header, but 3 in|a quotation mark)"
    ):
        _open(tmp_path / "raw.csv", classes=("0", "1"))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path is .*none\.csv"):
        _open(tmp_path / "none.csv")
