"""A source over a folder of studies, DICOM or NIfTI, all brought to one grid and one window.

What identifies a patient stays in the folder: an example holds an image, a label, a row number and
the running number of its patient, and nothing else of this source is ever written to a run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed.data.studies import folder, volume
from jaxmed.data.studies.folder import Scan
from jaxmed.data.studies.labels import StudyLabels, matched
from jaxmed.data.studies.window import Limits, centred, windowed

_UNIQUE = ("file name", "file name without ending")  # names only where no two scans share one
_SHOWN = 5  # faults named in a message


class Studies:
    """Volumes or images that are read and brought to their grid when they are asked for.

    Attributes:
        classes: names of the classes in the order of their label.
        left_out: why a file or series is not among the examples, by path. For your eyes: the
            paths may tell who a patient is.
    """

    # No dataclass: what describes a run would write its fields, paths and identifiers included.
    def __init__(
        self,
        scans: Sequence[Scan],
        annotated: Mapping[str, np.ndarray],
        *,
        classes: Sequence[str],
        left_out: Mapping[Path, str],
        shape: tuple[int, ...],
        spacing: tuple[float, ...] | None,
        limits: Limits | None,
    ):
        self.classes = tuple(classes)
        self.left_out = dict(left_out)
        self._scans, self._annotated = list(scans), annotated
        self._shape, self._spacing, self._limits = shape, spacing, limits

    def __repr__(self) -> str:
        return f"Studies({len(self)} of shape {self._shape})"

    def __len__(self) -> int:
        return len(self._scans)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        row = range(len(self))[index]
        example = {key: np.asarray(column[row]) for key, column in self._annotated.items()}
        return {"image": self._image(self._scans[row]), **example, "id": np.asarray(row, np.int32)}

    def readable(self) -> Studies:
        """Those whose pixels can be read too, found by reading all of them once.

        A warning counts and names the others, as `from_studies` does those that lack even a sound
        header. The `id` of an example is its row among those that are left.
        """
        faults: dict[int, str] = {}
        for row, scan in enumerate(self._scans):
            try:
                self._image(scan)
            except ValueError as error:
                faults[row] = str(error)
        if not faults:
            return self
        kept = np.setdiff1d(np.arange(len(self)), list(faults))
        if not kept.size:
            raise ValueError(f"not one study can be read: {faults[0]}")
        _warn(len(faults), len(self), list(faults.values()), of="studies")
        return Studies(
            [self._scans[row] for row in kept],
            {key: column[kept] for key, column in self._annotated.items()},
            classes=self.classes,
            left_out=self.left_out | {self._scans[row].path: why for row, why in faults.items()},
            shape=self._shape,
            spacing=self._spacing,
            limits=self._limits,
        )

    def _image(self, scan: Scan) -> np.ndarray:
        measured = scan.read()
        limits = self._limits(measured.values) if self._limits else None
        try:
            gridded = (
                volume.resized(measured, shape=self._shape)
                if self._spacing is None
                else volume.resampled(measured, spacing=self._spacing)
            )
        except ValueError as error:
            raise ValueError(f"{scan.path}: {error}") from error
        if limits is None:
            lowest = float(gridded.values.min())
            return volume.on_grid(gridded.values, self._shape, fill=lowest)[..., None]
        return volume.on_grid(windowed(gridded, limits), self._shape)[..., None]


def from_studies(
    path: str | Path,
    *,
    shape: Sequence[int],
    spacing: Sequence[float] | None = None,
    window: tuple[float, float] | Limits | None = None,
    labels: StudyLabels | None = None,
    wanted: Callable[[Any], bool] | None = None,
) -> Studies:
    """A source of the DICOM series, DICOM images and NIfTI files below a folder.

    Slices are put together by their positions, values brought to the scanner's unit (Hounsfield
    units of CT), volumes turned to one orientation (see `jaxmed.data.studies.volume`), then to one spacing
    and shape, and windowed. Files that are broken and series that lack slices are left out; a
    warning counts and names them, and so does `left_out`. Damage that only shows in the pixels
    stops the reading with the name of the file; `readable()` leaves such studies out as well.

    Pass the `group` column to `stratified_split`, so that no patient is in two splits.

    Args:
        path: The folder, searched with its sub-folders; files of other kinds are left alone.
        shape: (depth, height, width) of volumes, or (height, width) of images.
        spacing: mm along each axis: every study is resampled to it, then cut or filled up about
          its centre to `shape`. `None` stretches the whole of each study to `shape`.
        window: (centre, width) in the scanner's unit; or limits from `jaxmed.data.studies.window`, such as
          `percentiles(1, 99)` for MRI. `None` keeps the values as float32.
        labels: From `study_labels`; `None` where there are none.
        wanted: Asked of each DICOM file's header (a `pydicom.Dataset`) whether to take it, such
          as `lambda header: "LOCALIZER" not in (header.get("ImageType") or ())`.

    Returns:
        Examples {image: [*shape, 1] uint8, or float32 without a window; label; group: int32, the
        running number of the patient; id: int32}, in the order of the paths. `label` is missing
        without labels, and `group` where neither they nor the files tell the patient.

    Raises:
        ModuleNotFoundError: pydicom, nibabel or what decodes a compressed file is not installed.
        FileNotFoundError: There is no such folder.
        ValueError: There are images where volumes are wanted or the reverse, nothing that can be
          read, no match between labels and images, several series for one label, or a patient
          that nothing names.
    """
    shape, spacing = _grid(shape, spacing)
    limits = _limits(window)
    path = Path(path)
    scans, unread = folder.search(path, axes=len(shape), wanted=wanted)
    left_out = unread | {scan.path: scan.fault for scan in scans if scan.fault}
    if len(left_out) == len(scans) + len(unread):
        reason = next(iter(left_out.values()), "no file is DICOM with pixels, or .nii or .nii.gz")
        raise ValueError(f"{path} holds no study that can be read: {reason}")
    rows = None if labels is None else _rows(scans, labels, unread)
    _told_apart(scans, rows, len(shape))
    sound = [number for number, scan in enumerate(scans) if not scan.fault]
    kept = [scans[number] for number in sound]
    _shown_by_bright_values(kept, limits)
    lines = None if rows is None else rows[sound]
    if left_out:
        total = len(unread) + sum(scan.files for scan in scans)
        _warn(total - sum(scan.files for scan in kept), total, list(left_out.values()))
    return Studies(
        kept,
        _annotated(kept, labels, lines),
        classes=labels.classes if labels else (),
        left_out=left_out,
        shape=shape,
        spacing=spacing,
        limits=limits,
    )


def _grid(
    shape: Sequence[int], spacing: Sequence[float] | None
) -> tuple[tuple[int, ...], tuple[float, ...] | None]:
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(
            f"shape is {tuple(shape)}, but must be (height, width) or (depth, height, width), each "
            "1 or more."
        )
    if spacing is not None and (len(spacing) != len(shape) or min(spacing) <= 0):
        raise ValueError(
            f"spacing is {tuple(spacing)}, but must be one number of mm, more than 0, for each "
            f"axis of shape {tuple(shape)}."
        )
    return tuple(shape), None if spacing is None else tuple(spacing)


def _limits(chosen: tuple[float, float] | Limits | None) -> Limits | None:
    return centred(*chosen) if isinstance(chosen, tuple) else chosen


def _rows(scans: Sequence[Scan], labels: StudyLabels, unread: Mapping[Path, str]) -> np.ndarray:
    """The row of the labels that each scan has."""
    kinds = dict.fromkeys(kind for scan in scans for kind in scan.names)
    names = {kind: [scan.names.get(kind, "") for scan in scans] for kind in kinds}
    for kind in _UNIQUE:
        called = [name for name in names.get(kind, []) if name]
        if len(set(called)) < len(called):
            del names[kind]
    return matched(labels, names, sound=[not scan.fault for scan in scans], unread=len(unread))


def _told_apart(scans: Sequence[Scan], rows: np.ndarray | None, axes: int) -> None:
    """Refuse several volumes, or several slices of one, where the labels tell of one thing."""
    first: dict[Any, Scan] = {}
    for number, scan in enumerate(scans):
        if rows is not None and rows[number] < 0:
            continue  # broken, and of nothing that has a label
        if axes == 3 and rows is not None:
            other = first.setdefault(rows[number], scan)
            if other is not scan:
                raise ValueError(
                    f"{scan.path} and {other.path} are of two series, but have one row of labels: "
                    "choose one by wanted=, or name series in the column of studies."
                )
        elif axes == 2 and scan.slice_of:
            row = None if rows is None else rows[number]
            other = first.setdefault((row, scan.slice_of), scan)
            if other is not scan:
                raise ValueError(
                    f"{scan.path} and {other.path} are slices of one volume, but shape is (height, "
                    "width): pass (depth, height, width), leave them out by wanted=, or give "
                    "each slice a row of labels."
                )


def _shown_by_bright_values(scans: Sequence[Scan], limits: Limits | None) -> None:
    inverted = next((scan for scan in scans if scan.inverted), None)
    if limits is None and inverted is not None:
        raise ValueError(
            f"{inverted.path} shows low values as bright (MONOCHROME1), which values without a "
            "window do not tell: pass window=."
        )


def _annotated(
    scans: Sequence[Scan], labels: StudyLabels | None, rows: np.ndarray | None
) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    patients = [scan.patient for scan in scans]
    if labels is not None:
        columns["label"] = labels.label[rows]
        if labels.patient is not None:
            patients = labels.patient[rows].tolist()
        nameless = next((scan for scan in scans if not scan.patient), None)
        if labels.patient is None and nameless is not None:
            raise ValueError(
                f"{nameless.path} does not say whose it is, so that a patient could be in two "
                "splits: name the column of patients in study_labels(..., patient=...), the column "
                "of studies itself where each is of another patient."
            )
    if all(patients):  # numbers in the order of the rows: they tell nothing of the names
        number = {name: count for count, name in enumerate(dict.fromkeys(patients))}
        columns["group"] = np.array([number[name] for name in patients], np.int32)
    return columns


def _warn(lost: int, total: int, reasons: Sequence[str], *, of: str = "files") -> None:
    more = f" And {len(reasons) - _SHOWN} more, in left_out." if len(reasons) > _SHOWN else ""
    warnings.warn(
        f"{lost} of {total} {of} are left out. {' '.join(reasons[:_SHOWN])}{more}", stacklevel=3
    )
