"""The data sets of text against files of their publishers' formats, made up and real."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxmed.data import catalogue, columns
from jaxmed.data.datasets import abstracts, ade_corpus, imdb, ohsumed
from jaxmed.data.datasets.abstracts import sentences
from jaxmed.data.datasets.entry import RemoteFile


def published(monkeypatch, tmp_path, module, constant, name, contents):
    """Make `contents`, by file name, the publisher's files of the data set `name`."""
    files = []
    for file, content in contents.items():
        path = tmp_path / "manual" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        md5 = hashlib.md5(content).hexdigest()
        files.append(RemoteFile(file, f"https://127.0.0.1/{file}", md5))
    entry = dataclasses.replace(catalogue.ENTRIES[name], files=tuple(files))
    monkeypatch.setattr(module, constant, entry)

    def read(split):
        places = {"data_dir": tmp_path / "data", "manual_dir": tmp_path / "manual"}
        return columns(catalogue.open_split(name, split, **places))

    return read


def test_ade_keeps_a_report_in_one_split_and_a_sentence_once(monkeypatch, tmp_path):
    related = ["7|A rash.|rash|0|4|x|5|6", "7|A rash.|rash|0|4|y|7|8", "9|Köln fever.|f|1|2|d|3|4"]
    negative = ["7 NEG She was well.", "9 NEG He walked.", "7 NEG He walked.", "8 NEG A third."]
    contents = {
        "ade_corpus_v2/DRUG-AE.rel": "\n".join(related).encode(),
        "ade_corpus_v2/ADE-NEG.txt": "\n".join(negative).encode(),
    }
    monkeypatch.setattr(
        ade_corpus, "split_of", lambda pmid: {7: "train", 9: "test", 8: "validation"}[pmid]
    )
    read = published(monkeypatch, tmp_path, ade_corpus, "ADE_CORPUS", "ade_corpus", contents)
    train, test = read("train"), read("test")
    assert train["text"].tolist() == ["A rash.", "She was well."]
    assert train["label"].tolist() == [1, 0]
    assert train["group"].tolist() == [7, 7]
    assert test["text"].tolist() == ["Köln fever.", "He walked."]
    assert test["group"].tolist() == [9, 9]


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
        list(sentences(iter(["###1\n", "other\tA .\n", "no label here\n"])))


def tarred(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


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


def test_what_has_no_address_of_its_own_is_asked_for(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConnectionError, match=r"ohsumed_single_23\.tar\.xz .*address is that of a"):
        catalogue.prepare("ohsumed", data_dir=tmp_path, manual_dir=tmp_path / "empty")


PUBLISHED = {
    # rows of each split, and in how many the label is 1
    "ade_corpus": ((16_818, 3_457), (2_097, 403), (1_981, 411)),
    "nicta_piboso": ((6_979, 258), (801, 33), (1_991, 63)),
    "ohsumed": ((3_357, 25), (4_043, 50)),
}


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_files_hold_what_is_said_of_them(name, manual_dir: Path, tmp_path):
    entry = catalogue.entry(name)
    groups = []
    for split, (rows, ones) in zip(entry.sizes, PUBLISHED[name], strict=True):
        places = {"data_dir": tmp_path, "manual_dir": manual_dir}
        found = columns(catalogue.open_split(name, split, **places))
        assert len(found["label"]) == rows == entry.sizes[split]
        assert (found["label"] == 1).sum() == ones
        assert all(isinstance(text, str) and text for text in found["text"])
        groups.append(set(found.get("group", np.arange(0)).tolist()))
    for number, group in enumerate(groups):
        assert not any(group & other for other in groups[number + 1 :])
