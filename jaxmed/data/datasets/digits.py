"""The 8x8 digits of scikit-learn: images small enough for a tutorial or a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info
from jaxmed.data.datasets.facts import DIGITS
from jaxmed.data.splits import stratified_split


class JaxmedDigits(tfds.core.GeneratorBasedBuilder):
    """Examples {image: [8, 8, 1] uint8 of 0 to 16, label, id: row of scikit-learn's table}."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"2.0.0": "Splits by `jaxmed.data.allocation`."}

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, DIGITS)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:  # noqa: ARG002
        from sklearn.datasets import load_digits

        pixels, label = load_digits(return_X_y=True)
        images = pixels.astype(np.uint8).reshape(-1, *DIGITS.shape)
        parts = stratified_split(label, (0.6, 0.2, 0.2), seed=0)
        return {
            split: self._generate_examples(images, label, part)
            for split, part in zip(DIGITS.sizes, parts, strict=True)
        }

    def _generate_examples(
        self, images: np.ndarray, label: np.ndarray, part: np.ndarray
    ) -> Iterator[tuple[int, Any]]:
        for key, row in enumerate(part.tolist()):
            yield key, {"image": images[row], "label": int(label[row]), "id": row}
