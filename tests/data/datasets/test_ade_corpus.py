"""ADE corpus: sentences once, and a report in one split."""

from __future__ import annotations

from published_texts import published

from jaxmed.data.datasets import ade_corpus


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
