"""Survival times: METABRIC, SUPPORT, FLCHAIN, SUPPORT2, and the visits of PBC2."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all
from jaxmed.data.datasets.entry import Entry
from jaxmed.data.datasets.survival_facts import (
    FLCHAIN,
    METABRIC,
    PBC2,
    SUPPORT,
    SUPPORT2,
    SUPPORT2_CATEGORIES,
    SUPPORT2_MEASUREMENTS,
)

_CAUSES = {"Circulatory": 1, "Neoplasms": 2}
_OTHER_CAUSE = 3
_WORDS = {
    "No": 0.0,
    "Yes": 1.0,
    "NA": np.nan,
    "placebo": 0.0,
    "D-penicil": 1.0,
    "female": 0.0,
    "male": 1.0,
    "No edema": 0.0,
    "edema no diuretics": 0.5,
    "edema despite diuretics": 1.0,
}
_ENDS = {"alive": 0, "dead": 1, "transplanted": 2}


class _Table(tfds.core.GeneratorBasedBuilder):
    """One split of the columns that `columns` reads."""

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (path,) = obtain_all(self.facts, dl_manager)
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, Any]]:
        columns = self.columns(path)
        for row in range(len(columns["time"])):
            yield row, {name: column[row] for name, column in columns.items()} | {"id": row}


class JaxmedMetabric(_Table):
    """Examples {features: [9] float32, time: months, event: 1 if died, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((METABRIC,))
    facts: Entry = METABRIC

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, METABRIC)

    def columns(self, path: Path) -> Mapping[str, np.ndarray]:
        """The columns of the file."""
        return read_hdf5(path)


class JaxmedSupport(_Table):
    """Examples {features: [14] float32, time: days, event: 1 if died, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((SUPPORT,))
    facts: Entry = SUPPORT

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, SUPPORT)

    def columns(self, path: Path) -> Mapping[str, np.ndarray]:
        """The columns of the file."""
        return read_hdf5(path)


class JaxmedFlchain(_Table):
    """Examples {features: [8] float32, time: days, event: 1 if died, cause: 0 to 3, id}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((FLCHAIN,))
    facts: Entry = FLCHAIN

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, FLCHAIN, {"cause": np.int32})

    def columns(self, path: Path) -> Mapping[str, np.ndarray]:
        """The columns of the file, without rows of time 0."""
        return read_flchain(path)


class JaxmedSupport2(_Table):
    """Examples {features: [45] float32, time: days, event: 1 if died, id: row of the file}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((SUPPORT2,))
    facts: Entry = SUPPORT2

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, SUPPORT2)

    def columns(self, path: Path) -> Mapping[str, np.ndarray]:
        """The columns of the file that are known on the third day."""
        return read_support2(path)


class JaxmedPbc2(_Table):
    """Examples {features: [15] float32, start and time: years, event, cause: 0 to 2, group, id}."""

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((PBC2,))
    facts: Entry = PBC2

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(self, PBC2, {"start": np.float32, "cause": np.int32})

    def columns(self, path: Path) -> Mapping[str, np.ndarray]:
        """The columns of the file; a visit lasts until the next one."""
        return read_pbc2(path)


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Features, times and events of a file of DeepSurv: its train rows, then its test rows."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{path.name} needs h5py to be read: pip install 'jaxmed[survival]'."
        ) from error
    names = {"features": ("x", np.float32), "time": ("t", np.float32), "event": ("e", np.int32)}
    with h5py.File(path) as file:
        return {
            name: np.concatenate([file[split][key][:] for split in ("train", "test")]).astype(dtype)
            for name, (key, dtype) in names.items()
        }


def read_flchain(path: Path) -> dict[str, np.ndarray]:
    """The columns of `flchain.arff`; rows of time 0 are left out."""
    from scipy.io import arff

    limit = csv.field_size_limit()
    try:
        rows = arff.loadarff(io.StringIO(path.read_text()))[0]
    finally:
        csv.field_size_limit(limit)  # SciPy raises it for the whole process
    rows = rows[rows["futime"] > 0]
    died = rows["death"] == b"dead"
    chapter = np.array([_CAUSES.get(name.decode(), _OTHER_CAUSE) for name in rows["chapter"]])
    features = (
        rows["age"],
        rows["sex"] == b"M",
        rows["sample.yr"],
        rows["kappa"],
        rows["lambda"],
        rows["flc.grp"],
        rows["creatinine"],
        rows["mgus"] == b"yes",
    )
    return {
        "features": np.stack([column.astype(np.float32) for column in features], 1),
        "time": rows["futime"].astype(np.float32),
        "event": died.astype(np.int32),
        "cause": np.where(died, chapter, 0).astype(np.int32),
    }


def read_support2(path: Path) -> dict[str, np.ndarray]:
    """The columns of `support2.csv` that are known on the third day, categories as 0 and 1."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    measured = [
        [float(row[name].strip() or "nan") for name in SUPPORT2_MEASUREMENTS] for row in rows
    ]
    words = [
        [
            row[name].strip() == value
            for name, values in SUPPORT2_CATEGORIES.items()
            for value in values
        ]
        for row in rows
    ]
    return {
        "features": np.concatenate([measured, words], 1).astype(np.float32),
        "time": np.array([row["d.time"] for row in rows], np.float32),
        "event": np.array([row["death"] for row in rows], np.int32),
    }


def read_pbc2(path: Path) -> dict[str, np.ndarray]:
    """The visits of `pbc2.csv` as periods, in the order of the file; words as numbers."""
    names = (
        *("drug", "age", "sex", "ascites", "hepatomegaly", "spiders", "edema", "serBilir"),
        *("serChol", "albumin", "alkaline", "SGOT", "platelets", "prothrombin", "histologic"),
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    features = [
        [_WORDS[row[name]] if row[name] in _WORDS else float(row[name]) for name in names]
        for row in rows
    ]
    group = np.array([row["id"] for row in rows], np.int32)
    start, end = (np.array([row[name] for row in rows], np.float32) for name in ("year", "years"))
    is_last = np.append(group[1:] != group[:-1], True)
    cause = np.where(is_last, [_ENDS[row["status"]] for row in rows], 0).astype(np.int32)
    return {
        "features": np.array(features, np.float32),
        "start": start,
        "time": np.where(is_last, end, np.append(start[1:], 0)).astype(np.float32),
        "event": (cause == 1).astype(np.int32),
        "cause": cause,
        "group": group,
    }
