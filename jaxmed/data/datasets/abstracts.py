"""Abstracts whose sentences have roles: NICTA-PIBOSO and PubMed RCT, in the same format."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.text_facts import NICTA_PIBOSO, PUBMED_RCT_20K, PUBMED_RCT_200K


class _Abstracts(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg] # tfds is untyped to mypy
    """Examples {text: a sentence, label: its role, group: PMID, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    ENTRY: Entry

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, self.ENTRY)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        paths = obtain_all(self.ENTRY, dl_manager)
        return {
            split: self._generate_examples(path)
            for split, path in zip(("train", "validation", "test"), paths, strict=True)
        }

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, Any]]:
        for row, (pmid, role, sentence) in enumerate(parse_sentences(_lines(path))):
            yield row, {"text": sentence, "label": role, "group": pmid, "id": row}


class JaxmedNictaPiboso(_Abstracts):
    """NICTA-PIBOSO."""

    ENTRY = NICTA_PIBOSO
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((ENTRY,))


class JaxmedPubmedRct20k(_Abstracts):
    """PubMed 20k RCT."""

    ENTRY = PUBMED_RCT_20K
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((ENTRY,))


class JaxmedPubmedRct200k(_Abstracts):
    """PubMed 200k RCT."""

    ENTRY = PUBMED_RCT_200K
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((ENTRY,))


def _lines(path: Path) -> Iterator[str]:
    if path.suffix != ".zip":
        with path.open(encoding="utf-8") as file:
            yield from file
        return
    with zipfile.ZipFile(path) as archive, archive.open("train.txt") as file:
        for line in file:
            yield line.decode("utf-8")


def parse_sentences(lines: Iterator[str]) -> Iterator[tuple[int, str, str]]:
    """(PMID, role, sentence) of lines `###PMID` and `role<TAB>sentence`.

    Raises:
        ValueError: A line is neither; the message quotes it.
    """
    pmid = -1
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if not line:
            continue
        if line.startswith("###"):
            pmid = int(line.removeprefix("###"))
            continue
        role, tab, sentence = line.partition("\t")
        if not tab:
            raise ValueError(f"line {number} is {line!r}, which has no label and tab: correct it.")
        yield pmid, role.lower(), sentence
