"""ADE corpus v2: sentences of case reports, with or without an adverse drug event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.text_facts import ADE_CORPUS


class JaxmedAdeCorpus(tfds.core.GeneratorBasedBuilder):
    """Examples {text, label: 1 for an adverse event, group: PMID, id: row of the whole corpus}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((ADE_CORPUS,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, ADE_CORPUS)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        related, negative = obtain_all(ADE_CORPUS, dl_manager)
        rows = [(sentence, pmid, 1) for sentence, pmid in read_positives(related).items()]
        rows += [(sentence, pmid, 0) for sentence, pmid in read_negatives(negative).items()]
        return {
            split: self._generate_examples(rows, split) for split in ("train", "validation", "test")
        }

    def _generate_examples(
        self, rows: list[tuple[str, int, int]], split: str
    ) -> Iterator[tuple[int, Any]]:
        for row, (sentence, pmid, label) in enumerate(rows):
            if split_of(pmid) == split:
                yield row, {"text": sentence, "label": label, "group": pmid, "id": row}


def read_positives(path: Path) -> dict[str, int]:
    """The distinct sentences of `PMID|sentence|effect|...`, each with its first PMID."""
    pmid_of: dict[str, int] = {}
    for line in path.read_text("utf-8").splitlines():
        pmid, sentence, *_ = line.split("|")
        pmid_of.setdefault(sentence, int(pmid))
    return pmid_of


def read_negatives(path: Path) -> dict[str, int]:
    """The distinct sentences of `PMID NEG sentence`, each with its first PMID."""
    pmid_of: dict[str, int] = {}
    for line in path.read_text("utf-8").splitlines():
        pmid, _, sentence = line.split(" ", 2)
        pmid_of.setdefault(sentence, int(pmid))
    return pmid_of


def split_of(pmid: int) -> str:
    """One tenth of the reports to test, one to validation, the rest to train."""
    tenth = int(hashlib.sha256(str(pmid).encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "validation"}.get(tenth, "train")
