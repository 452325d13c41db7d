"""What a CSV file knows of studies, and which row of it is about which of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from jaxmed.data import contract
from jaxmed.data.readers import table

_SHOWN = 3  # studies named in a message


@dataclasses.dataclass(frozen=True)
class StudyLabels:
    """One row a study.

    Attributes:
        path: the file, for messages.
        study: [rows], what the file calls each study.
        label: [rows] int32, or float32 to regress.
        classes: names of the classes in the order of their label; empty to regress.
        patient: [rows], whose study it is; `None` where DICOM's PatientID says so.
    """

    path: Path
    study: np.ndarray
    label: np.ndarray
    classes: tuple[str, ...]
    patient: np.ndarray | None


def study_labels(
    path: str | Path,
    *,
    study: str,
    label: str,
    classes: Sequence[str] | None,
    patient: str | None = None,
    separator: str = ",",
) -> StudyLabels:
    """Read the labels of studies for `from_studies`.

    Args:
        path: A CSV file with a header line.
        study: The column that names each study, all in one way: by the path below the folder of
            the studies (of a file, with or without its ending, or of the folder that holds one
            series), by the name at the end of that path where no other has it, by the sub-folder
            of that folder, or by the SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID or
            PatientID.
        label: The column to predict.
        classes: What the label column holds, in the order of the labels 0, 1, ...: of a binary
          diagnosis the disease comes last, to be the positive class. `None` for a measurement to
          regress.
        patient: The column that names the patient. `None` where the files have a PatientID,
            which NIfTI files have not; the column of `study` itself where each study is of
            another patient.
        separator: What stands between columns.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A column is missing or empty, a label is not among the classes, or two rows
            name one study.
    """
    roles = [("study", study), ("label", label), ("patient", patient)]
    rows = table.read(path, separator, roles)
    table.filled(rows[study], "names a study")
    names = rows[study].str.strip().str.replace("\\", "/").str.strip("/")
    twice = np.flatnonzero(names.duplicated())
    if twice.size:
        raise ValueError(
            f"column {study!r} repeats {names.iloc[twice[0]]!r} in {contract.listed(twice)}, but "
            "one row tells of one study: drop the others."
        )
    known = table.annotated(rows, label=label, classes=classes, id=None, group=patient)
    return StudyLabels(
        Path(path),
        names.to_numpy(str),
        contract.conform("label", known["label"]),
        tuple(str(name) for name in classes or ()),
        known.get("group"),
    )


def matched(
    labels: StudyLabels,
    names: Mapping[str, Sequence[str]],
    *,
    sound: Sequence[bool],
    unread: int,
) -> np.ndarray:
    """The row of `labels` that is about each example.

    Args:
        labels: as read.
        names: by kind, such as "PatientID", what each example is called; "" where it has none.
        sound: whether each example can be read; those that cannot may lack a row.
        unread: files so broken that nothing says what they are of: as many rows may be left over.

    Returns:
        [examples] int32, -1 for none.

    Raises:
        ValueError: Some examples have no row, or some rows no example, or not one name agrees.
    """
    row_of = {name: row for row, name in enumerate(labels.study.tolist())}
    hits = {kind: len(row_of.keys() & set(called)) for kind, called in names.items()}
    kind = max(hits, key=lambda kind: hits[kind])
    called = names[kind]
    if not hits[kind]:
        examples = "; ".join(f"{kind} {_first(each)}" for kind, each in names.items() if any(each))
        raise ValueError(
            f"{labels.path} names its studies {_first(list(row_of))}, and no study is called "
            f"that. They are called: {examples}."
        )
    rows = np.array([row_of.get(name, -1) for name in called], np.int32)
    lacking = [name for name, row in zip(called, rows, strict=True) if row < 0]
    unlabelled = [
        name for name, row, whole in zip(called, rows, sound, strict=True) if row < 0 and whole
    ]
    unread += len(lacking) - len(unlabelled)
    imageless = sorted(row_of.keys() - set(called))
    if unlabelled or len(imageless) > unread:
        raise ValueError(
            f"{labels.path} does not match the studies by {kind}: studies without a row "
            f"{len(unlabelled)}{_such(unlabelled)}, rows without a study "
            f"{len(imageless)}{_such(imageless)}. Label every study and get every one that has a "
            "label, or leave studies out by wanted=."
        )
    return rows


def _first(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in [name for name in names if name][:_SHOWN])


def _such(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    return f" ({_first(distinct) or 'they have no name of this kind'})" if names else ""
