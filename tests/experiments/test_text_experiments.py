"""What the experiments with texts read."""

from __future__ import annotations

import importlib

import numpy as np
import small_data

from jaxmed.data import catalogue


def experiment(name):
    return importlib.import_module(f"experiments.{name}")


def test_pretraining_reads_no_sentence_of_another_split(monkeypatch, tmp_path):
    monkeypatch.setattr(catalogue, "load", small_data.load)
    script = experiment("texts.text_pretraining")
    settings = script.Settings(corpora=("ade_corpus", "ohsumed"), runs=tmp_path)
    texts = {
        (name, split): set(small_data.columns(name, split)["text"])
        for name in settings.corpora
        for split in catalogue.entry(name).sizes
    }
    other = set().union(*(found for (_, split), found in texts.items() if split != "train"))
    training = set().union(*(found for (_, split), found in texts.items() if split == "train"))
    assert "the drug caused a rash" in training & other
    assert set(script.sentences(settings)) == training - other


def test_the_title_counts_once_more_with_its_weight():
    script = experiment("texts.disease_topics")
    texts = 2 * ["rash\nfever was seen", "fever\nrash was seen"]
    with_title, without = (script.vectorizer(title).fit(texts) for title in (0.7, 0.0))
    found, plain = (union.transform(texts).toarray() for union in (with_title, without))
    np.testing.assert_allclose(found[:, : plain.shape[1]], plain)
    rest = found[:, plain.shape[1] :]
    # Two parts of norm 1, words and pieces, each times 0.7; "rash" and "fever" share no term.
    np.testing.assert_allclose((rest**2).sum(1), 2 * 0.7**2)
    assert rest[0] @ rest[1] == 0
