"""Ohsumed, single category: one file per abstract, in one folder per category."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.tar_texts import read_tar_texts
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
        for name, text in read_tar_texts(archive, folder):
            number, category = int(name.name), int(name.parent.name.removeprefix("C"))
            yield number, {"text": text, "label": category - 1, "id": number}
