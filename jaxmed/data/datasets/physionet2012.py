"""PhysioNet/CinC Challenge 2012: the first two days of 8,000 stays in intensive care."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxmed.data.datasets.builder import dataset_info, manual_instructions, obtain_all, packed
from jaxmed.data.datasets.record_facts import PHYSIONET2012
from jaxmed.data.records.challenge2012 import DESCRIPTORS, from_challenge2012
from jaxmed.data.records.padded_lists import event_lists

HOURS = 48.0
"""The prediction time: what is known after two days."""
_LENGTH = PHYSIONET2012.shape[0]


class JaxmedPhysionet2012(tfds.core.GeneratorBasedBuilder):
    """Examples {event_variable, event_time, event_value, ..., label, id: number of the stay}.

    The other columns are event_count, descriptors and baseline_saps_1; see the note of the entry.
    Of the outcome files only the label and SAPS-I are read: SOFA, Length_of_stay and Survival are
    scores or outcomes.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions((PHYSIONET2012,))

    def _info(self) -> tfds.core.DatasetInfo:
        return dataset_info(
            self,
            PHYSIONET2012,
            {
                "event_variable": packed((_LENGTH,), "int32"),
                "event_time": packed((_LENGTH,), "float32"),
                "event_count": np.int32,
                "descriptors": tfds.features.Tensor(shape=(len(DESCRIPTORS),), dtype=np.float32),
                "baseline_saps_1": np.int32,
            },
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[Any]]:
        (archive,) = obtain_all(PHYSIONET2012, dl_manager)
        texts = _read(archive)
        outcomes = {part: _outcomes(texts[f"Outcomes-{part}.txt"]) for part in "ab"}
        train, validation = split_set_a([died for _, died, _ in outcomes["a"]])
        test = range(len(outcomes["b"]))
        return {
            "train": self._generate_examples(texts, outcomes["a"], "a", train),
            "validation": self._generate_examples(texts, outcomes["a"], "a", validation),
            "test": self._generate_examples(texts, outcomes["b"], "b", test),
        }

    def _generate_examples(
        self, texts: dict[str, str], outcomes: list[tuple[int, int, int]], part: str, rows: Any
    ) -> Iterator[tuple[int, Any]]:
        chosen = [outcomes[row] for row in rows]
        found, admission = from_challenge2012(
            {stay: texts[f"set-{part}/{stay}.txt"] for stay, _, _ in chosen}
        )
        columns = event_lists(found, until=HOURS, most=_LENGTH)
        for place, (stay, died, saps) in enumerate(chosen):
            yield (
                stay,
                {
                    **{name: column[place] for name, column in columns.items()},
                    "descriptors": admission[place],
                    "label": died,
                    "baseline_saps_1": saps,
                    "id": stay,
                },
            )


def split_set_a(died: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `Outcomes-a.txt` to train on and to validate on: a stratified fifth, fixed."""
    from sklearn.model_selection import train_test_split

    train, validation = train_test_split(
        np.arange(len(died)), test_size=0.2, stratify=died, random_state=0
    )
    return np.sort(train), np.sort(validation)


def _read(archive: Path) -> dict[str, str]:
    """The texts of the archive by `set-a/132539.txt` or `Outcomes-a.txt`."""
    texts = {}
    with tarfile.open(archive) as files:
        for member in files:
            path = PurePosixPath(member.name)
            content = files.extractfile(member) if path.suffix == ".txt" else None
            if content is not None:
                folder = f"{path.parent.name}/" if path.parent.name.startswith("set-") else ""
                texts[folder + path.name] = content.read().decode("utf-8")
    return texts


def _outcomes(text: str) -> list[tuple[int, int, int]]:
    """(number of the stay, 1 if it ended in death, SAPS-I) of each stay."""
    rows = csv.DictReader(text.splitlines())
    return [
        (int(row["RecordID"]), int(row["In-hospital_death"]), int(row["SAPS-I"])) for row in rows
    ]
