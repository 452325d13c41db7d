"""ECG5000 of the UCR archive: a table of heartbeats, the class first."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.signal_facts import ECG5000


class JaxmedEcg5000(tfds.core.GeneratorBasedBuilder):
    """Examples {signal, label, id: row of the publisher's file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((ECG5000,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, ECG5000)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(ECG5000, dl_manager)
        return {split: self._generate_examples(archive, split) for split in ECG5000.sizes}

    def _generate_examples(self, archive: Path, split: str) -> Iterator[tuple[int, Any]]:
        with tarfile.open(archive) as files:
            table = files.extractfile(f"ecg5000/ECG5000_{split.upper()}.tsv")
            if table is None:
                raise ValueError(f"{archive} holds no table of the split {split}: get it again.")
            values = np.loadtxt(table)
        for row, (label, *signal) in enumerate(values):
            yield (
                row,
                {
                    "signal": np.array(signal, np.float32)[:, None],
                    "label": int(label) - 1,
                    "id": row,
                },
            )
