"""Texts of a tar archive, below one of its folders."""

from published_texts import tarred

from jaxmed.data.datasets.tar_texts import read_tar_texts


def test_the_texts_below_a_folder_are_sorted_by_name(tmp_path):
    files = {"set/train/pos/2": "two\n", "set/train/neg/1": " one", "set/test/pos/3": "three"}
    (tmp_path / "a.tar.xz").write_bytes(tarred(files))
    found = read_tar_texts(tmp_path / "a.tar.xz", "train")
    assert [(str(name), text) for name, text in found] == [
        ("set/train/neg/1", "one"),
        ("set/train/pos/2", "two"),
    ]
    assert [text for _, text in read_tar_texts(tmp_path / "a.tar.xz", "pos")] == ["three", "two"]
