"""Breast Cancer Wisconsin (Diagnostic): 569 fine-needle aspirates, 30 measurements of nuclei."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info
from jaxmed.data.datasets.facts import BREAST_CANCER_WISCONSIN
from jaxmed.data.splits import stratified_split


class JaxmedBreastCancerWisconsin(tfds.core.GeneratorBasedBuilder):
    """Examples {features: [30] float32, label: 1 if malignant, id: row of scikit-learn's table}."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"2.0.0": "Splits by `jaxmed.data.allocation`."}

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, BREAST_CANCER_WISCONSIN)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:  # noqa: ARG002
        from sklearn.datasets import load_breast_cancer

        features, benign = load_breast_cancer(return_X_y=True)
        label = 1 - benign  # the positive class is the disease
        parts = stratified_split(label, (0.6, 0.2, 0.2), seed=0)
        return {
            split: self._generate_examples(features, label, part)
            for split, part in zip(BREAST_CANCER_WISCONSIN.sizes, parts, strict=True)
        }

    def _generate_examples(
        self, features: np.ndarray, label: np.ndarray, part: np.ndarray
    ) -> Iterator[tuple[int, Any]]:
        for key, row in enumerate(part.tolist()):
            values = features[row].astype(np.float32)
            yield key, {"features": values, "label": int(label[row]), "id": row}
