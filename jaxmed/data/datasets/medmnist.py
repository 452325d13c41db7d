"""MedMNIST v2: one configuration for each set and size, all read from `.npz` archives."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.medmnist_table import MEDMNIST

_ENTRIES = {entry.name: entry for entry in MEDMNIST}
_PUBLISHERS_SPLITS = {"train": "train", "validation": "val", "test": "test"}


class JaxmedMedmnist(tfds.core.GeneratorBasedBuilder):
    """Examples {image: [(depth,) height, width, channels] uint8, label, id: row of its split}."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [  # noqa: RUF012 (tfds asks for a list)
        tfds.core.BuilderConfig(name=entry.name, description=entry.title) for entry in MEDMNIST
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "pneumoniamnist"
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions(MEDMNIST)

    @property
    def _entry(self) -> Entry:
        return _ENTRIES[self.builder_config.name]

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, self._entry)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(self._entry, dl_manager)
        return {
            split: self._generate_examples(archive, prefix)
            for split, prefix in _PUBLISHERS_SPLITS.items()
        }

    def _generate_examples(self, archive: Path, prefix: str) -> Iterator[tuple[int, Any]]:
        images = rows(archive, f"{prefix}_images")
        labels = rows(archive, f"{prefix}_labels")
        several = self._entry.task == "multilabel"
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield (
                row,
                {
                    "image": image.reshape(self._entry.shape),
                    "label": label.astype(np.int32) if several else int(label.item()),
                    "id": row,
                },
            )


def rows(archive: Path, name: str) -> Iterator[np.ndarray]:
    """The rows of one array of an `.npz` archive, one at a time.

    The largest of these arrays is 13.5 GB: it is never held whole.
    """
    with zipfile.ZipFile(archive) as members, members.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"{archive}: {name} has .npy version {version}, but must have (1, 0).")
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
        if not by_column:
            size = dtype.itemsize * int(np.prod(shape[1:]))
            for _ in range(shape[0]):
                yield np.frombuffer(stream.read(size), dtype).reshape(shape[1:])
            return
    with np.load(archive) as arrays:  # columns first: its rows lie in no one place
        yield from arrays[name]
