"""Which row of the labels belongs to which scan, and the label and patient of each scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies.folder import Scan
from jaxmed.data.studies.labels import StudyLabels

_UNIQUE = ("file name", "file name without ending")  # used only if no two scans share one
_SHOWN = 3  # studies named in a message


def match_rows(
    labels: StudyLabels, scans: Sequence[Scan], unread: Mapping[Path, str]
) -> np.ndarray:
    """The row of `labels` for each scan, by the kind of name that matches most often.

    Args:
        labels: as read.
        scans: of the folder. Those with an error may lack a row.
        unread: unreadable files. As many rows may have no scan.

    Returns:
        [scans] int32, -1 for none.

    Raises:
        ValueError: Scans have no row, rows have no scan, or no name matches at all.
    """
    names = _names_by_kind(scans)
    row_of = {name: row for row, name in enumerate(labels.study.tolist())}
    hits = {kind: len(row_of.keys() & set(values)) for kind, values in names.items()}
    kind = max(hits, key=lambda kind: hits[kind])
    if not hits[kind]:
        examples = "; ".join(f"{kind} {_first(each)}" for kind, each in names.items() if any(each))
        raise ValueError(
            f"{labels.path} names its studies {_first(list(row_of))}, but no study has such a "
            f"name. Their names are: {examples}."
        )
    rows = np.array([row_of.get(name, -1) for name in names[kind]], np.int32)
    missing = [
        (name, scan) for name, row, scan in zip(names[kind], rows, scans, strict=True) if row < 0
    ]
    unlabeled = [name for name, scan in missing if not scan.error]
    allowed = len(unread) + len(missing) - len(unlabeled)
    without_scan = sorted(row_of.keys() - set(names[kind]))
    if unlabeled or len(without_scan) > allowed:
        raise ValueError(
            f"{labels.path} does not match the studies by {kind}: studies without a row "
            f"{len(unlabeled)}{_examples(unlabeled)}, rows without a study "
            f"{len(without_scan)}{_examples(without_scan)}. Label every study and get every study "
            "that has a label, or exclude studies with keep=."
        )
    return rows


def check_one_scan_per_row(scans: Sequence[Scan], rows: np.ndarray | None, axes: int) -> None:
    """Refuse several volumes, or several slices of one volume, that share one row of labels."""
    first: dict[Any, Scan] = {}
    for number, scan in enumerate(scans):
        if rows is not None and rows[number] < 0:
            continue  # broken, and without a label
        if axes == 3 and rows is not None:
            other = first.setdefault(rows[number], scan)
            if other is not scan:
                raise ValueError(
                    f"{scan.path} and {other.path} are of two series, but have one row of labels: "
                    "choose one with keep=, or name series in the column of studies."
                )
        elif axes == 2 and scan.slice_of:
            row = None if rows is None else rows[number]
            other = first.setdefault((row, scan.slice_of), scan)
            if other is not scan:
                raise ValueError(
                    f"{scan.path} and {other.path} are slices of one volume, but shape is (height, "
                    "width): pass (depth, height, width), exclude them with keep=, or give each "
                    "slice a row of labels."
                )


def annotate(
    scans: Sequence[Scan], labels: StudyLabels | None, rows: np.ndarray | None
) -> dict[str, np.ndarray]:
    """`label` and `group` of each scan, as far as labels or files have them.

    Raises:
        ValueError: There are labels, but a patient has no name.
    """
    columns: dict[str, np.ndarray] = {}
    patients = [scan.patient for scan in scans]
    if labels is not None:
        columns["label"] = labels.label[rows]
        if labels.patient is not None:
            patients = labels.patient[rows].tolist()
        anonymous = next((scan for scan in scans if not scan.patient), None)
        if labels.patient is None and anonymous is not None:
            raise ValueError(
                f"{anonymous.path} does not name its patient, so that one patient could be in two "
                "splits: name the column of patients in study_labels(..., patient=...), which is "
                "the column of studies if each study is of another patient."
            )
    if all(patients):  # numbered in the order of the rows, which reveals nothing about the names
        number = {name: count for count, name in enumerate(dict.fromkeys(patients))}
        columns["group"] = np.array([number[name] for name in patients], np.int32)
    return columns


def _names_by_kind(scans: Sequence[Scan]) -> dict[str, list[str]]:
    """By kind of name, the name of each scan; "" for none."""
    kinds = dict.fromkeys(kind for scan in scans for kind in scan.names)
    names = {kind: [scan.names.get(kind, "") for scan in scans] for kind in kinds}
    for kind in _UNIQUE:
        given = [name for name in names.get(kind, []) if name]
        if len(set(given)) < len(given):
            del names[kind]
    return names


def _first(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in [name for name in names if name][:_SHOWN])


def _examples(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    return f" ({_first(distinct) or 'they have no name of this kind'})" if names else ""
