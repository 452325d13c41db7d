"""Folders of texts: what is on disk comes back, and what cannot is refused by name."""

import numpy as np
import pytest

from jaxmed.data import columns, from_text_folder

TEXTS = {
    "normal/b.txt": "Unauffällig.\n",
    "normal/a.TXT": "Clear lungs.\nNo effusion.",
    "normal/.hidden.txt": "ignored",
    "normal/notes.md": "ignored",
    "pneumonia/1.txt": "Opacity in the left lobe.",
    ".git/x.txt": "ignored",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


def test_texts_classes_and_ids(folder):
    source = from_text_folder(folder)
    assert source.classes == ("normal", "pneumonia")
    read = columns(source)
    expected = [TEXTS[name] for name in ("normal/a.TXT", "normal/b.txt", "pneumonia/1.txt")]
    assert read["text"].dtype == object
    assert read["text"].tolist() == expected
    np.testing.assert_array_equal(read["label"], [0, 0, 1])
    np.testing.assert_array_equal(read["id"], range(3))
    assert read["label"].dtype == np.int32


def test_classes_give_the_order_of_the_labels(folder):
    source = from_text_folder(str(folder), classes=["pneumonia", "normal"])
    assert source.classes == ("pneumonia", "normal")
    np.testing.assert_array_equal(columns(source)["label"], [0, 1, 1])


def test_windows_writes_the_same_text(folder):
    (folder / "pneumonia" / "1.txt").write_bytes(b"\xef\xbb\xbfOpacity\r\nin the left lobe.")
    assert from_text_folder(folder)[2]["text"].item() == "Opacity\nin the left lobe."


def test_sub_folders_must_be_the_classes(folder):
    with pytest.raises(ValueError, match=r"classes names 'pneumonie', .* mean 'pneumonia'"):
        from_text_folder(folder, classes=("normal", "pneumonie"))
    with pytest.raises(ValueError, match=r"'pneumonia' is not among classes \('normal',\): name"):
        from_text_folder(folder, classes=("normal",))


def test_empty_texts_are_named(folder):
    (folder / "normal" / "c.txt").write_text(" \n")
    (folder / "pneumonia" / "2.txt").write_text("")
    with pytest.raises(
        ValueError, match=r"holds empty texts, 2 of 5 \(normal/c\.txt, pneumonia/2\.txt\): remove"
    ):
        from_text_folder(folder)


def test_bytes_that_are_not_utf8_are_named_by_file_and_line(folder):
    (folder / "normal" / "c.txt").write_bytes("Befund\n\nÜbelkeit".encode("latin-1"))
    with pytest.raises(ValueError, match=r"c\.txt is not UTF-8 in line 3 \(byte 0xdc\): save it"):
        from_text_folder(folder)


def test_skipped_texts_are_counted_and_named(folder):
    (folder / "normal" / "c.txt").write_bytes("Übelkeit".encode("latin-1"))
    (folder / "pneumonia" / "2.txt").write_text(" ")
    with (folder / "pneumonia" / "3.txt").open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.warns(UserWarning, match=r"3 of 6 texts are skipped\. .*c\.txt is not UTF-8"):
        source = from_text_folder(folder, on_error="skip")
    assert {file.name for file in source.skipped} == {"c.txt", "2.txt", "3.txt"}
    read = columns(source)
    np.testing.assert_array_equal(read["label"], [0, 0, 1])
    assert read["text"][2] == TEXTS["pneumonia/1.txt"]
    with pytest.raises(ValueError, match=r"c\.txt is not UTF-8"):
        from_text_folder(folder, on_error="raise")


def test_a_file_larger_than_a_text_is_not_read(folder):
    with (folder / "normal" / "c.txt").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match=r"c\.txt has 1,099,511,627,776 bytes, more than"):
        from_text_folder(folder)


def test_folders_without_texts(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        from_text_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="has no sub-folders, but must have one of texts"):
        from_text_folder(tmp_path)
    (tmp_path / "normal").mkdir()
    with pytest.raises(ValueError, match=r"normal holds no \.txt file"):
        from_text_folder(tmp_path)
