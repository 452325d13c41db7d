"""Ohsumed, single category: one file an abstract, in a folder a category."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.text_facts import OHSUMED


class JaxmedOhsumed(tfds.core.GeneratorBasedBuilder):
    """Examples {text, label: category C01 to C23 from 0, id: number in the collection}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((OHSUMED,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, OHSUMED)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(OHSUMED, dl_manager)
        return {
            "train": self._generate_examples(archive, "training"),
            "test": self._generate_examples(archive, "test"),
        }

    def _generate_examples(self, archive: Path, folder: str) -> Iterator[tuple[int, Any]]:
        for name, text in files_of(archive, folder):
            number, category = int(name.name), int(name.parent.name.removeprefix("C"))
            yield number, {"text": text, "label": category - 1, "id": number}


def files_of(archive: Path, folder: str) -> list[tuple[PurePosixPath, str]]:
    """The files below a folder of a tar archive, by name, each with its text."""
    with tarfile.open(archive) as files:
        found = [
            (PurePosixPath(member.name), files.extractfile(member))
            for member in files
            if member.isfile() and folder in PurePosixPath(member.name).parts
        ]
        texts = [(name, file.read().decode("utf-8").strip()) for name, file in found if file]
    return sorted(texts)
