"""IMDB movie reviews, positive or negative."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.tar_texts import read_tar_texts
from jaxmed.data.datasets.text_facts import IMDB


class JaxmedImdb(tfds.core.GeneratorBasedBuilder):
    """Examples {text, label: 1 if positive, id: row, in the order of the file names}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((IMDB,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, IMDB)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(IMDB, dl_manager)
        return {split: self._generate_examples(archive, split) for split in ("train", "test")}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        row = 0
        for label, folder in enumerate(("neg", "pos")):
            for name, text in read_tar_texts(archive, folder):
                if split in name.parts:
                    text = text.replace("<br />", " ")
                    yield row, {"text": text, "label": label, "id": row}
                    row += 1
