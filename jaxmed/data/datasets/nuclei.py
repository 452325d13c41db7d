"""Nuclei of the 2018 Data Science Bowl: fluorescence images whose objects are numbered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all, packed
from jaxmed.data.datasets.segmentation_facts import DSB2018_NUCLEI, split_of_case


class JaxmedNuclei(tfds.core.GeneratorBasedBuilder):
    """Examples {image, label, instance: number of the nucleus, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((DSB2018_NUCLEI,))

    def _info(self) -> tfds.core.DatasetInfo:
        instance = packed(DSB2018_NUCLEI.shape[:-1], "int32")
        return dataset_info(self, DSB2018_NUCLEI, {"instance": instance})

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(DSB2018_NUCLEI, dl_manager)
        return {split: self._generate_examples(archive, split) for split in DSB2018_NUCLEI.sizes}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        with np.load(archive) as arrays:
            names, images, instances = (arrays[key] for key in ("ids", "images", "instance_labels"))
        for row in range(len(names)):
            if split_of_case(str(names[row])) == split:
                yield (
                    row,
                    {
                        "image": images[row, ..., :1],  # the three channels are equal
                        "label": (instances[row] > 0).astype(np.int8),
                        "instance": instances[row].astype(np.int32),
                        "id": row,
                    },
                )
