"""The rows of a split as the page reads them: one CSV file that needs no code to be understood.

`id`, `truth` and `predicted`, which are names of classes or numbers; `probability_NAME` of each
class; then, where they are known, `group`, `subgroup_NAME` and `uncertainty_NAME`.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

PROBABILITY, SUBGROUP, UNCERTAINTY = "probability_", "subgroup_", "uncertainty_"


@dataclasses.dataclass(frozen=True, eq=False)
class SplitRows:
    """What is known of each row of a split.

    Attributes:
        name: of the split.
        ids: of the rows.
        truth: [rows], numbers of classes, or measured numbers.
        answer: [rows, classes] probabilities, or [rows] predicted numbers.
        chosen: [rows], numbers of the classes that the model answers, which are not the most
            probable ones where it has a threshold; None where it answers with a number.
        groups: the patient or other group of each row, or None.
        subgroups: a word per row by the name of the attribute, such as `sex`.
        uncertainty: a number per row by the name of the measure.
    """

    name: str
    ids: np.ndarray
    truth: np.ndarray
    answer: np.ndarray
    chosen: np.ndarray | None
    groups: np.ndarray | None = None
    subgroups: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    uncertainty: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def decisions(self) -> np.ndarray:
        """1 for the class that the model answers and 0 for the others [rows, classes]."""
        return np.eye(self.answer.shape[1], dtype=np.float32)[self.chosen]

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the class that the model answers [rows]."""
        return np.where(self.decisions > 0, self.answer, 0).sum(axis=1)


def csv_text(rows: SplitRows, classes: Sequence[str]) -> str:
    """The file of a split.

    Args:
        rows: to write.
        classes: names; empty where the answer is a number.
    """
    columns: dict[str, np.ndarray] = {"id": rows.ids}
    if classes:
        columns["truth"] = np.array(classes)[rows.truth]
        columns["predicted"] = np.array(classes)[rows.chosen]
        columns |= {
            PROBABILITY + name: rows.answer[:, number] for number, name in enumerate(classes)
        }
    else:
        columns |= {"truth": rows.truth, "predicted": rows.answer}
    if rows.groups is not None:
        columns["group"] = rows.groups
    columns |= {SUBGROUP + name: column for name, column in rows.subgroups.items()}
    columns |= {UNCERTAINTY + name: column for name, column in rows.uncertainty.items()}
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def read_split(path: Path, classes: Sequence[str]) -> SplitRows:
    """The rows in a file that `csv_text` gave.

    Raises:
        ValueError: if it is another file.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            heads, *lines = csv.reader(file)
        columns = dict(zip(heads, (np.array(x) for x in zip(*lines, strict=True)), strict=True))
        return _read(path.stem, columns, classes)
    except (ValueError, KeyError, csv.Error) as error:
        raise ValueError(
            f"{path} is no table of a split ({error}): assess the model again."
        ) from error


def _read(name: str, columns: Mapping[str, np.ndarray], classes: Sequence[str]) -> SplitRows:
    if classes:
        numbers = {word: number for number, word in enumerate(classes)}
        truth, chosen = (
            np.array([numbers[word] for word in columns[key]]) for key in ("truth", "predicted")
        )
        answer = np.stack([columns[PROBABILITY + word].astype(float) for word in classes], axis=1)
    else:
        truth, answer = (columns[key].astype(float) for key in ("truth", "predicted"))
        chosen = None
    subgroups, uncertainty = (
        {head.removeprefix(kind): x for head, x in columns.items() if head.startswith(kind)}
        for kind in (SUBGROUP, UNCERTAINTY)
    )
    return SplitRows(
        name,
        columns["id"],
        truth,
        answer,
        chosen,
        columns.get("group"),
        subgroups,
        {measure: column.astype(float) for measure, column in uncertainty.items()},
    )
