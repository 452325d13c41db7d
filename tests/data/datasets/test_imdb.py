"""IMDB reviews from their tar archive."""

from __future__ import annotations

from published_texts import published, tarred

from jaxmed.data.datasets import imdb


def test_imdb_reads_both_folders_of_each_split(monkeypatch, tmp_path):
    archive = tarred(
        {"aclImdb/train/pos/0_9.txt": "Good.<br /><br />Yes.", "aclImdb/train/neg/0_2.txt": "Bad.",
         "aclImdb/train/unsup/0_0.txt": "None.", "aclImdb/test/neg/1_1.txt": "Awful."}
    )  # fmt: skip
    read = published(monkeypatch, tmp_path, imdb, "IMDB", "imdb", {"aclImdb_v1.tar.gz": archive})
    train = read("train")
    assert train["text"].tolist() == ["Bad.", "Good.  Yes."]
    assert train["label"].tolist() == [0, 1]
    assert read("test")["text"].tolist() == ["Awful."]
