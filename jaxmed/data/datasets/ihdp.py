"""IHDP: replications of simulated outcomes, with the test rows of CFR."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.effect_facts import IHDP
from jaxmed.data.datasets.entry import Entry


class JaxmedIhdp(tfds.core.GeneratorBasedBuilder):
    """Examples {features: [25] float32, treatment: 0 or 1, label, mu0, mu1, replication, id}.

    `label` is the outcome under the treatment given, `mu0` and `mu1` are the means without and with
    it, `replication` counts from 1, and `id` counts the rows of all files one after another.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((IHDP,))
    facts: Entry = IHDP

    def _info(self) -> tfds.core.DatasetInfo:
        known = dict.fromkeys(("mu0", "mu1"), np.float32)
        return dataset_info(self, IHDP, {"treatment": np.int32, "replication": np.int32, **known})

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        rows, *files = obtain_all(IHDP, dl_manager)
        test_rows = json.loads(rows.read_text())["test"]
        columns, is_test = read_replications(files, test_rows)
        return {
            "train": self._generate_examples(columns, np.flatnonzero(~is_test)),
            "test": self._generate_examples(columns, np.flatnonzero(is_test)),
        }

    def _generate_examples(
        self, columns: Mapping[str, np.ndarray], rows: np.ndarray
    ) -> Iterator[tuple[int, Any]]:
        for row in rows.tolist():
            yield row, {name: column[row] for name, column in columns.items()} | {"id": row}


def read_replications(
    files: list[Path], test_rows: Mapping[str, list[int]]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The rows of all files one after another, and which of them are test rows.

    Args:
        files: csv files without header: treatment, outcome under the treatment given and under the
            other one, mu0, mu1, covariates.
        test_rows: numbers of rows of a file, from 0, by the number of the file, from 1.
    """
    tables = [np.loadtxt(path, delimiter=",", ndmin=2) for path in files]
    is_test = [np.zeros(len(table), bool) for table in tables]
    for number, marks in enumerate(is_test, 1):
        marks[test_rows[str(number)]] = True
    whole = np.concatenate(tables)
    return {
        "features": whole[:, 5:].astype(np.float32),
        "treatment": whole[:, 0].astype(np.int32),
        "label": whole[:, 1].astype(np.float32),
        "mu0": whole[:, 3].astype(np.float32),
        "mu1": whole[:, 4].astype(np.float32),
        "replication": np.repeat(
            np.arange(1, len(tables) + 1), [len(table) for table in tables]
        ).astype(np.int32),
    }, np.concatenate(is_test)
