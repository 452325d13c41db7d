"""The labels of studies, read from a CSV file with one row per study."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import normalized
from jaxmed.data.readers.csv_file import check_not_empty, read_annotations, read_csv


@dataclasses.dataclass(frozen=True)
class StudyLabels:
    """One row per study.

    Attributes:
        path: the file, for messages.
        study: [rows], the name of each study in the file.
        label: [rows] int32, or float32 to regress.
        classes: names of the classes in the order of their labels; empty to regress.
        patient: [rows], the patient of each study; `None` to use DICOM's PatientID.
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
    quotes: bool | None = None,
) -> StudyLabels:
    """Read the labels of studies for `from_studies`.

    Args:
        path: a CSV file with a header line.
        study: the column that names each study, all in the same way: by the path below the folder
            of the studies (of a file, with or without its suffix, or of the folder that holds one
            series), by the last part of that path if no two are equal, by the sub-folder of that
            folder, or by the SOPInstanceUID, SeriesInstanceUID, StudyInstanceUID or PatientID.
        label: the column to predict.
        classes: the values of the label column, in the order of the labels 0, 1, ...: for a binary
            diagnosis the disease comes last, to be the positive class. `None` for a measurement to
            regress.
        patient: the column that names the patient. `None` if the files have a PatientID, which
            NIfTI files do not; the column of `study` itself if each study is of another patient.
        separator: the character between columns.
        quotes: whether fields may be in double quotes; by default found out, as in `from_csv`.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing or empty, a label is not among the classes, or two rows
            name one study.
    """
    checks.text("study", study)
    checks.text("label", label)
    roles = [("study", study), ("label", label), ("patient", patient)]
    rows = read_csv(path, separator, roles, quotes=quotes)
    check_not_empty(rows[study], "names a study")
    names = rows[study].map(normalized).str.replace("\\", "/").str.strip("/")
    repeated = np.flatnonzero(names.duplicated())
    if repeated.size:
        raise ValueError(
            f"column {study!r} repeats {names.iloc[repeated[0]]!r} in "
            f"{contract.list_rows(repeated)}, but a study has one row: drop the others."
        )
    columns = read_annotations(rows, label=label, classes=classes, id=None, group=patient)
    return StudyLabels(
        checks.path("path", path),
        names.to_numpy(str),
        contract.conform("label", columns["label"]),
        tuple(str(name) for name in (() if classes is None else classes)),
        columns.get("group"),
    )
