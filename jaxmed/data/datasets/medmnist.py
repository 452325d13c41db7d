"""MedMNIST v2: one configuration per set and size, read from `.npz` archives."""

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

CONFIGURATIONS = {entry.name: entry for entry in MEDMNIST}
"""The entry of each configuration of the builder."""
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
        return CONFIGURATIONS[self.builder_config.name]

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, self._entry)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(self._entry, dl_manager)
        return {
            split: self._generate_examples(archive, prefix)
            for split, prefix in _PUBLISHERS_SPLITS.items()
        }

    def _generate_examples(self, archive: Path, prefix: str) -> Iterator[tuple[int, Any]]:
        images = read_rows(archive, f"{prefix}_images")
        labels = read_rows(archive, f"{prefix}_labels")
        multilabel = self._entry.task == "multilabel"
        for row, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield (
                row,
                {
                    "image": image.reshape(self._entry.shape),
                    "label": label.astype(np.int32) if multilabel else int(label.item()),
                    "id": row,
                },
            )


def read_rows(archive: Path, name: str) -> Iterator[np.ndarray]:
    """The rows of one array of an `.npz` archive, one at a time.

    The largest of these arrays has 13.5 GB, so none is read as a whole.
    """
    with zipfile.ZipFile(archive) as members, members.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"{archive}: {name} has .npy version {version}, but must have (1, 0).")
        shape, column_major, dtype = np.lib.format.read_array_header_1_0(stream)
        if not column_major:
            size = dtype.itemsize * int(np.prod(shape[1:]))
            for _ in range(shape[0]):
                yield np.frombuffer(stream.read(size), dtype).reshape(shape[1:])
            return
    with np.load(archive) as arrays:  # column-major: a row is not contiguous
        yield from arrays[name]
