"""Quotation marks never swallow rows: a table is read as it was written, or refused."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmed.data import from_csv, from_text_csv, study_labels
from jaxmed.data.readers.csv_file import read_csv

CLASSES = ["0", "1"]
ROLES = [("label", "y"), ("text", "t")]
CELLS = st.lists(st.tuples(st.sampled_from("01"), st.text('a" ,.', min_size=1)), min_size=1)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return tmp_path_factory.mktemp("tables") / "t.csv"


@settings(deadline=None, max_examples=60)
@given(CELLS)
def test_a_table_without_quoting_keeps_its_rows_or_is_refused(table, cells):
    table.write_text("y\tt\n" + "".join(f"{label}\t{text}\n" for label, text in cells))
    plain = read_csv(table, "\t", ROLES, quotes=False)
    assert plain["t"].tolist() == [text.lstrip(" ") for _, text in cells]
    try:
        found = read_csv(table, "\t", ROLES)
    except ValueError as error:
        assert "quotes=False" in str(error)  # noqa: PT017
    else:
        assert found["y"].tolist() == [label for label, _ in cells]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text('a",\n', min_size=1), min_size=1), st.sampled_from([csv.QUOTE_ALL, 0]))
def test_a_quoted_table_is_read_as_it_was_written(table, texts, quoting):
    stream = io.StringIO()
    csv.writer(stream, quoting=quoting).writerows([["y", "t"], *(["1", text] for text in texts)])
    table.write_bytes(stream.getvalue().encode())
    assert read_csv(table, ",", ROLES, quotes=True)["t"].tolist() == texts


def test_reports_with_commas_and_line_ends_need_no_argument(tmp_path):
    texts = ["Heart normal.\nNo effusion, lungs clear.", 'He said "none", then\n\n"some".', "ok"]
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["t", "y"], *zip(texts, "011", strict=True)])
    found = from_text_csv(tmp_path / "t.csv", text="t", label="y", classes=CLASSES)
    assert found.columns["text"].tolist() == texts


def test_two_readings_are_refused_unless_one_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('s,y,x\na,0,"1\nb,1,2\nc,0,"\nd,1,3\n')
    readers = (
        lambda **more: from_csv(path, features=["x"], label="y", classes=CLASSES, **more),
        lambda **more: from_text_csv(path, text="x", label="y", classes=CLASSES, **more),
        lambda **more: study_labels(path, study="s", label="y", classes=CLASSES, **more),
    )
    for reader in readers:
        with pytest.raises(ValueError, match=r"two ways: .* of line 2 .* quotes=False .* quotes=T"):
            reader()
    plain = readers[1](quotes=False).columns
    assert plain["text"].tolist() == ['"1', "2", '"', "3"]
    assert readers[1](quotes=True).columns["text"].tolist() == ["1\nb,1,2\nc,0,", "3"]
    assert readers[2](quotes=False).study.tolist() == ["a", "b", "c", "d"]


BAD = {
    "zero byte": (b"x,y\n1,0\n2\0,1\n", {}, "holds a zero byte in line 3"),
    "utf-16": ("x,y\n1,0\n".encode("utf-16"), {}, "holds a zero byte in line 1"),
    "empty": (b"", {}, "is empty, but must hold a header"),
    "short row": (b"z,y,x\n1,0,2\n1,0\n", {}, "3 columns in its header, but 2 in row 1: "),
    "long rows": (b"x,y\n1,0,2\n1,0,3\n", {}, r"header, but 3 in 2 rows \(0, 1\): put"),
    "separator": (b"x,y\n1,0\n", {"separator": ", "}, "separator is ', ', but must be one chara"),
    "blank behind": (b'x,y\n"1" ,0\n', {}, r"a quotation mark that opens .* line 2 .* double the"),
    "large": (b'x,y\n"' + b"1\n" * 70_000 + b"1,0\n", {}, "a value of more than 131,072 char"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_table_is_refused_in_one_sentence(case, tmp_path):
    content, changes, message = BAD[case]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        from_csv(tmp_path / "t.csv", features=["x"], label="y", classes=CLASSES, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", '"'])
def test_line_ends_of_all_systems_and_a_byte_order_mark(tmp_path, end, mark):
    lines = ["", f"{mark}x{mark},y", "1,0", "", f"2,{mark}1{mark}", ""]
    (tmp_path / "t.csv").write_bytes(("\ufeff" + end.join(lines)).encode())
    found = from_csv(tmp_path / "t.csv", features=["x"], label="y", classes=CLASSES).columns
    assert (found["features"].ravel().tolist(), found["label"].tolist()) == ([1, 2], [0, 1])
