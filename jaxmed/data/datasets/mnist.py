"""MNIST from the four official files (IDX format: a big-endian header, then bytes)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.facts import MNIST


class JaxmedMnist(tfds.core.GeneratorBasedBuilder):
    """Examples {image: [28, 28, 1] uint8, label, id: row of the official file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((MNIST,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, MNIST)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        images, labels, test_images, test_labels = obtain_all(MNIST, dl_manager)
        return {
            "train": self._generate_examples(images, labels),
            "test": self._generate_examples(test_images, test_labels),
        }

    def _generate_examples(self, images: Path, labels: Path) -> Iterator[tuple[int, Any]]:
        pixels = read_idx(images)[..., None]
        for row, (image, label) in enumerate(zip(pixels, read_idx(labels), strict=True)):
            yield row, {"image": image, "label": int(label), "id": row}


def read_idx(path: Path) -> np.ndarray:
    """The array of unsigned bytes in a gzipped IDX file."""
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
