"""MoleculeNet: molecules as SMILES with labels, split by scaffold."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.molecule_facts import MOLECULENET

_COLUMNS = {
    "bbbp": ("p_np",),
    "esol": ("measured log solubility in mols per litre",),
    "freesolv": ("expt",),
    "lipophilicity": ("exp",),
}
"""The label's column, where it is not the name of a class."""
_FACTS = {entry.name: entry for entry in MOLECULENET}


class JaxmedMoleculenet(tfds.core.GeneratorBasedBuilder):
    """Examples {smiles, label, id: row of the file}, one configuration per data set."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions(MOLECULENET)
    BUILDER_CONFIGS = [  # noqa: RUF012 (tfds asks for a list)
        tfds.core.BuilderConfig(name=entry.name, description=entry.title) for entry in MOLECULENET
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "bbbp"

    @property
    def facts(self) -> Entry:
        """The entry of this configuration."""
        return _FACTS[self.builder_config.name]

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, self.facts)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (path,) = obtain_all(self.facts, dl_manager)
        columns = read_moleculenet(path, self.facts)
        return {
            split: self._generate_examples(columns, rows)
            for split, rows in scaffold_rows(columns["smiles"]).items()
        }

    def _generate_examples(
        self, columns: Mapping[str, np.ndarray], rows: np.ndarray
    ) -> Iterator[tuple[int, Any]]:
        for row in rows.tolist():
            label = columns["label"][row]
            yield row, {"smiles": columns["smiles"][row], "label": label, "id": row}


def read_moleculenet(path: Path, facts: Entry) -> dict[str, np.ndarray]:
    """The SMILES and labels of a file: int32 with -1 where there is none, or float32."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = _COLUMNS.get(facts.name, facts.classes)
    words = [[row[name].strip() for name in names] for row in rows]
    if facts.task == "regression":
        label = np.array(words, np.float32)[:, 0]
    else:
        known = [[float(word or -1) for word in row] for row in words]
        label = np.array(known).astype(np.int32)
    smiles = np.array([row["smiles"].strip() for row in rows], object)
    return {"smiles": smiles, "label": label[:, 0] if facts.task == "binary" else label}


def scaffold_rows(smiles: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of each split among those that can be read."""
    from jaxmed.data import molecules
    from jaxmed.data.molecules.parse import parsed

    readable = np.array([row for row, each in enumerate(parsed(smiles)) if each is not None])
    parts = molecules.scaffold_split(smiles[readable])
    return {
        split: readable[part]
        for split, part in zip(("train", "validation", "test"), parts, strict=True)
    }
