"""Ohsumed from its tar archive."""

from __future__ import annotations

import pytest
from published_texts import published, tarred

from jaxmed.data import catalogue
from jaxmed.data.datasets import ohsumed


def test_ohsumed_reads_a_file_an_abstract(monkeypatch, tmp_path):
    archive = tarred(
        {"training/C02/0000031": "A virus. \n", "training/C01/0000007": "Mould.",
         "test/C23/0000009": "Pain."}
    )  # fmt: skip
    contents = {"ohsumed_single_23.tar.xz": archive}
    read = published(monkeypatch, tmp_path, ohsumed, "OHSUMED", "ohsumed", contents)
    train, test = read("train"), read("test")
    assert train["text"].tolist() == ["Mould.", "A virus."]
    assert train["label"].tolist() == [0, 1]
    assert train["id"].tolist() == [7, 31]
    assert test["label"].tolist() == [22]


def test_a_file_without_a_download_address_has_to_be_fetched_by_hand(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ConnectionError, match=r"ohsumed_single_23\.tar\.xz .*address is a web page"
    ):
        catalogue.prepare("ohsumed", data_dir=tmp_path, manual_dir=tmp_path / "empty")
