"""Abstracts with a role per sentence."""

from __future__ import annotations

import io
import zipfile

import pytest
from published_texts import published

from jaxmed.data import catalogue
from jaxmed.data.datasets import abstracts
from jaxmed.data.datasets.abstracts import parse_sentences


def test_abstracts_keep_the_order_of_their_sentences(monkeypatch, tmp_path):
    text = "\n###12\nBACKGROUND\tWhy ?\nOUTCOME\tBecause , it is .\n\n###13\nother\tNothing .\n"
    contents = {f"nicta_piboso/{n}_clean.txt": text.encode() for n in ("train", "dev", "test")}
    builder = abstracts.JaxmedNictaPiboso
    read = published(monkeypatch, tmp_path, builder, "ENTRY", "nicta_piboso", contents)
    found = read("validation")
    assert found["text"].tolist() == ["Why ?", "Because , it is .", "Nothing ."]
    assert found["group"].tolist() == [12, 12, 13]
    classes = catalogue.entry("nicta_piboso").classes
    assert [classes[i] for i in found["label"]] == ["background", "outcome", "other"]


def test_the_large_trials_come_out_of_their_archive(monkeypatch, tmp_path):
    text = b"###5\r\nMETHODS\t@ patients .\r\n\r\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train.txt", text)
    contents = {"R/train.zip": packed.getvalue(), "R/dev.txt": text, "R/test.txt": text}
    builder = abstracts.JaxmedPubmedRct200k
    read = published(monkeypatch, tmp_path, builder, "ENTRY", "pubmed_rct_200k", contents)
    assert read("train")["text"].tolist() == read("test")["text"].tolist() == ["@ patients ."]


def test_a_line_without_a_label_is_named():
    with pytest.raises(ValueError, match=r"line 3 is 'no label here', which has no label and tab"):
        list(parse_sentences(iter(["###1\n", "other\tA .\n", "no label here\n"])))
