"""A source over a folder of studies, DICOM or NIfTI, on one grid and with one window.

Nothing that identifies a patient leaves the folder: an example holds an image, a label, a row
number and the running number of its patient, and nothing else of this source is written to a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.unreadable import check_policy, warn_skipped
from jaxmed.data.source import take_rows
from jaxmed.data.studies.example import as_window, check_grid, check_inversion, image_of
from jaxmed.data.studies.folder import Scan, find_scans
from jaxmed.data.studies.grid import Grid, grid_of
from jaxmed.data.studies.labels import StudyLabels
from jaxmed.data.studies.matching import annotate, check_one_scan_per_row, match_rows
from jaxmed.data.studies.window import Window


class Studies:
    """Volumes or images that are read and resampled when they are needed.

    Attributes:
        annotations: the columns `label` and `group`, known without reading any image.
        classes: names of the classes in the order of their labels.
        skipped: why a file or series is not among the examples, by path. Keep it private: paths may
            identify patients.
    """

    # No dataclass: the description of a run would contain its fields, paths and identifiers too.
    def __init__(
        self,
        scans: Sequence[Scan],
        annotations: Mapping[str, np.ndarray],
        *,
        classes: Sequence[str],
        skipped: Mapping[Path, str],
        shape: tuple[int, ...],
        spacing: tuple[float, ...] | None,
        window: Window | None,
    ):
        self.annotations = dict(annotations)
        self.classes = tuple(classes)
        self.skipped = dict(skipped)
        self._scans = list(scans)
        self._shape, self._spacing, self._window = shape, spacing, window

    def __repr__(self) -> str:
        return f"Studies({len(self)} of shape {self._shape})"

    def __len__(self) -> int:
        return len(self._scans)

    def __getitem__(self, index: int, /) -> Mapping[str, np.ndarray]:
        row = range(len(self))[index]
        example = {key: np.asarray(column[row]) for key, column in self.annotations.items()}
        return {"image": self._image(self._scans[row]), **example, "id": np.asarray(row, np.int32)}

    def only_readable(self) -> Studies:
        """The studies whose pixels can be read too; all of them are read once to find out.

        A warning counts and names the others, as `from_studies` does for invalid headers. The `id`
        of an example is its row among the remaining studies.

        Raises:
            ValueError: No study can be read.
        """
        errors: dict[int, str] = {}
        for row, scan in enumerate(self._scans):
            try:
                self._image(scan)
            except ValueError as error:
                errors[row] = str(error)
        if not errors:
            return self
        kept = np.setdiff1d(np.arange(len(self)), list(errors))
        if not kept.size:
            raise ValueError(f"none of the studies can be read: {errors[0]}")
        warn_skipped(len(errors), len(self), list(errors.values()), of="studies")
        return Studies(
            [self._scans[row] for row in kept],
            take_rows(self.annotations, kept),
            classes=self.classes,
            skipped=self.skipped | {self._scans[row].path: why for row, why in errors.items()},
            shape=self._shape,
            spacing=self._spacing,
            window=self._window,
        )

    def grid(self, row: int) -> Grid:
        """The grid of an example and that of its file, for `jaxmed.data.to_grid`.

        Args:
            row: of the example, its `id`.
        """
        scan = self._scans[range(len(self))[row]]
        return grid_of(scan.path, scan.geometry(), shape=self._shape, spacing=self._spacing)

    def _image(self, scan: Scan) -> np.ndarray:
        return image_of(scan, shape=self._shape, spacing=self._spacing, window=self._window)


def from_studies(
    path: str | Path,
    *,
    shape: Sequence[int],
    spacing: Sequence[float] | None = None,
    window: tuple[float, float] | Window | None = None,
    labels: StudyLabels | None = None,
    keep: Callable[[Any], bool] | None = None,
    on_error: str = "skip",
) -> Studies:
    """A source of the DICOM series, DICOM images and NIfTI files below a folder.

    Slices are sorted by their positions, values converted to the scanner's unit (Hounsfield units
    for CT), volumes brought to one orientation (see `jaxmed.data.studies.volume`), then to one
    spacing and shape, and windowed. Broken files and incomplete series are skipped: a warning
    counts and names them, and `skipped` lists all; `on_error="raise"` refuses them instead. Only
    headers are read for that. Errors that only show in the pixels are raised when the study is
    read, with the name of the file; `only_readable()` skips such studies too.

    Use `jaxmed.data.split`, or pass the `group` column to `stratified_split`, so that no patient is
    in two splits.

    Args:
        path: the folder, searched with its sub-folders. Files of other kinds, hidden ones (whose
            names start with a dot), named pipes and devices are ignored.
        shape: (depth, height, width) for volumes, or (height, width) for images.
        spacing: mm along each axis: every study is resampled to it, then cropped or padded about
            its center to `shape`. `None` resizes the whole of each study to `shape`.
        window: (center, width) in the scanner's unit; or a window from
            `jaxmed.data.studies.window`, such as `percentile_window(1, 99)` for MRI. `None` keeps
            the values as float32.
        labels: from `study_labels`; `None` if there are none.
        keep: called with each DICOM file's header (a `pydicom.Dataset`); files for which it returns
            False are ignored, such as
            `lambda header: "LOCALIZER" not in (header.get("ImageType") or ())`.
        on_error: "skip" leaves files and series out that cannot be read, as archives of a clinic
            nearly always hold some; "raise" refuses the folder because of the first.

    Returns:
        Examples {image: [*shape, 1] uint8, or float32 without a window; label; group: int32, the
        running number of the patient; id: int32}, sorted by path. There is no `label` without
        labels, and no `group` where neither labels nor files name the patient.

    Raises:
        ModuleNotFoundError: pydicom, nibabel or the decoder of a compressed file is not installed.
        FileNotFoundError: The folder does not exist.
        ValueError: There are images where volumes are expected or the reverse, no readable study,
            no match between labels and images, several series for one label, a patient without a
            name, or, with `on_error="raise"`, anything that would be skipped.
    """
    check_policy(on_error)
    shape, spacing = check_grid(shape, spacing)
    limits = as_window(window)
    if keep is not None:
        checks.function("keep", keep, "of a file's header")
    if labels is not None:
        checks.made_by(
            "labels", labels, StudyLabels, "StudyLabels, as study_labels(...) reads them"
        )
    path = checks.path("path", path)
    scans, unread = find_scans(path, axes=len(shape), keep=keep)
    skipped = unread | {scan.path: scan.error for scan in scans if scan.error}
    if len(skipped) == len(scans) + len(unread):
        reason = next(iter(skipped.values()), "no file is DICOM with pixels, or .nii or .nii.gz")
        raise ValueError(f"{path} holds no readable study: {reason}")
    if skipped and on_error == "raise":
        reason = next(iter(skipped.values()))
        raise ValueError(
            f"{reason} (The first of {len(skipped)}: on_error='skip' leaves them out.)"
        )
    rows = None if labels is None else match_rows(labels, scans, unread)
    check_one_scan_per_row(scans, rows, len(shape))
    valid = [number for number, scan in enumerate(scans) if not scan.error]
    kept = [scans[number] for number in valid]
    check_inversion(kept, limits)
    if skipped:
        total = len(unread) + sum(scan.files for scan in scans)
        lost = total - sum(scan.files for scan in kept)
        warn_skipped(lost, total, list(skipped.values()), of="files")
    return Studies(
        kept,
        annotate(kept, labels, None if rows is None else rows[valid]),
        classes=labels.classes if labels else (),
        skipped=skipped,
        shape=shape,
        spacing=spacing,
        window=limits,
    )
