"""Lungs in the chest X-rays of Montgomery County."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.segmentation_facts import MONTGOMERY_LUNGS, split_of_case


class JaxmedLungs(tfds.core.GeneratorBasedBuilder):
    """Examples {image, label, group: number of the patient, tuberculosis, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((MONTGOMERY_LUNGS,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, MONTGOMERY_LUNGS, {"tuberculosis": np.int32})

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(MONTGOMERY_LUNGS, dl_manager)
        return {split: self._generate_examples(archive, split) for split in MONTGOMERY_LUNGS.sizes}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        with np.load(archive) as stored:
            arrays = dict(stored)
        for row, patient in enumerate(arrays["group"].tolist()):
            if split_of_case(patient) == split:
                yield (
                    row,
                    {
                        "image": arrays["images"][row][..., None],
                        "label": arrays["masks"][row].astype(np.int8),
                        "group": int(patient.rpartition("_")[2]),
                        "tuberculosis": int(arrays["tuberculosis"][row]),
                        "id": row,
                    },
                )
