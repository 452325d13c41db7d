"""Sentences gathered into documents, for models that read a sentence in its context."""

from __future__ import annotations

import numpy as np

from jaxmed.data.text.tokenizers import PADDING
from jaxmed.typing import Columns, Int


def group_sentences(
    columns: Columns, *, max_sentences: int | None = None
) -> dict[str, Int[np.ndarray, "documents sentences ..."]]:
    """Sentences, one per row, gathered into the documents that `group` names.

    Args:
        columns: `tokens` [rows, length], `group` [rows] and, where it is known, `label` [rows];
            the rows of a document in the order of its sentences.
        max_sentences: sentences per document; by default those of the longest one. A longer
            document becomes several, so that no sentence is lost.

    Returns:
        `tokens` [documents, sentences, length], `label` [documents, sentences] with -1 where
        there is no sentence, `group` [documents], and `id` [documents, sentences], the rows in
        `columns`, -1 where there is none.
    """
    group = np.asarray(columns["group"])
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    if len(np.unique(group)) != len(starts):
        raise ValueError(
            "group has rows of one document apart from each other: sort the rows by document first."
        )
    parts = np.split(np.arange(len(group)), starts[1:])
    size = max_sentences or max(map(len, parts))
    parts = [part[i : i + size] for part in parts for i in range(0, len(part), size)]
    rows = np.full((len(parts), size), -1, np.int32)
    for line, part in zip(rows, parts, strict=True):
        line[: len(part)] = part
    present = rows >= 0
    gathered = {
        "tokens": np.where(present[..., None], columns["tokens"][rows], PADDING).astype(np.int32),
        "group": group[rows[:, 0]].astype(np.int32),
        "id": rows,
    }
    if "label" in columns:
        gathered["label"] = np.where(present, columns["label"][rows], -1).astype(np.int32)
    return gathered
