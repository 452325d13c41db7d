"""Text files in UTF-8, as editors on any system write them."""

import pytest

from jaxmed.data.readers.utf8 import read_text


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_the_text_is_the_same_for_every_editor(tmp_path, mark, line_break):
    path = tmp_path / "a.txt"
    path.write_bytes(mark + line_break.join(["Übel", "", "zwei"]).encode())
    assert read_text(path) == "Übel\n\nzwei"


def test_the_first_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("eins\nzwei\nÜbel\nÄrger".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.txt is not UTF-8 in line 3 \(byte 0xdc\): save it"):
        read_text(path)


def test_files_of_other_programs_are_no_texts(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("Übel".encode("utf-16"))
    with pytest.raises(ValueError, match=r"a\.txt is not UTF-8 in line 1 .*iconv -f UTF-16 -t"):
        read_text(path)
    path.write_bytes(b"one\ntwo\0three")
    with pytest.raises(ValueError, match=r"a\.txt is not a text: .* value 0 in line 2"):
        read_text(path)
