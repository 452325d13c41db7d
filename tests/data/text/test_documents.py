"""Sentences gathered into documents, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from jaxmed.data.text import documents


def sentences(lengths):
    group = np.repeat(np.arange(len(lengths)) + 40, lengths)
    rows = np.arange(len(group))
    return {"tokens": np.stack([rows + 1, rows + 2], 1), "label": rows % 3, "group": group}


def test_documents_hold_every_sentence_once_and_in_order():
    found = documents.group_sentences(sentences([2, 1, 3]))
    assert found["tokens"].shape == (3, 3, 2)
    assert found["id"].tolist() == [[0, 1, -1], [2, -1, -1], [3, 4, 5]]
    assert found["label"].tolist() == [[0, 1, -1], [2, -1, -1], [0, 1, 2]]
    assert found["tokens"][0].tolist() == [[1, 2], [2, 3], [0, 0]]
    assert found["group"].tolist() == [40, 41, 42]


def test_a_document_that_is_too_long_becomes_several():
    found = documents.group_sentences(sentences([200, 1]), max_sentences=64)
    assert found["tokens"].shape == (5, 64, 2)
    kept = found["id"][found["id"] >= 0]
    assert kept.tolist() == list(range(201))
    assert found["group"].tolist() == [40, 40, 40, 40, 41]


def test_documents_that_are_torn_apart_are_refused():
    columns = sentences([2, 2])
    columns["group"] = np.array([1, 2, 1, 2])
    with pytest.raises(ValueError, match=r"has rows of one document apart .*: sort the rows"):
        documents.group_sentences(columns)
