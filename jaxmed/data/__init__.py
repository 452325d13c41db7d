"""Data: where examples come from, how they are split, and how they reach the device in batches.

- `load`: a data set of the catalogue by name, as three splits.
- `from_csv`, `from_arrays`, `from_image_folder`, `from_studies`, ...: your own data as a `Source`.
- `from_masks`: images with a class for each voxel; `to_grid` brings such labels back to the files.
- `split`, `stratified_split`, `stratified_folds`, `subset`: parts of it, whole patients together.
- `check_split`: that no row, patient or copy is in two parts, and what identifies the parts.
- `landmark_rows`: patients under observation at a time, out of rows of periods.
- `columns`: all of a source in memory; `take_rows`: some of its rows.
- `write_nifti`, `write_dicom_seg`: labels as files on the grid of the image they belong to.
- `tables`: tables as they are, with words, gaps and dates.
- `augment`, `batches`, `inputs`, `masks`, `molecules`, `records`, `signals`, `text`, `catalogue`:
  modules, see each.

Everything is imported when it is first used, so `import jaxmed.data` needs neither jax nor any
reader's library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxmed.data import (
        augment,
        batches,
        catalogue,
        inputs,
        masks,
        molecules,
        records,
        signals,
        source,
        splits,
        stream,
        tables,
        text,
    )
    from jaxmed.data.catalogue import Splits, load
    from jaxmed.data.landmarks import landmark_rows
    from jaxmed.data.readers.image_folder import from_image_folder
    from jaxmed.data.readers.table import from_csv
    from jaxmed.data.readers.text_folder import from_text_folder
    from jaxmed.data.readers.text_table import from_text_csv
    from jaxmed.data.readers.tfds import from_tfds
    from jaxmed.data.source import Arrays, Source, columns, from_arrays, subset, take_rows
    from jaxmed.data.split_check import SplitCheck, check_split
    from jaxmed.data.splits import split, stratified_folds, stratified_split
    from jaxmed.data.studies.dicom_segmentation import write_dicom_seg
    from jaxmed.data.studies.dicom_series import read_dicom_series
    from jaxmed.data.studies.from_masks import from_masks
    from jaxmed.data.studies.grid import Grid, to_grid
    from jaxmed.data.studies.labels import study_labels
    from jaxmed.data.studies.nifti import read_nifti
    from jaxmed.data.studies.nifti_labels import write_nifti
    from jaxmed.data.studies.source import from_studies

__all__ = [
    "Arrays",
    "Grid",
    "Source",
    "SplitCheck",
    "Splits",
    "augment",
    "batches",
    "catalogue",
    "check_split",
    "columns",
    "from_arrays",
    "from_csv",
    "from_image_folder",
    "from_masks",
    "from_studies",
    "from_text_csv",
    "from_text_folder",
    "from_tfds",
    "inputs",
    "landmark_rows",
    "load",
    "masks",
    "molecules",
    "read_dicom_series",
    "read_nifti",
    "records",
    "signals",
    "source",
    "split",
    "splits",
    "stratified_folds",
    "stratified_split",
    "stream",
    "study_labels",
    "subset",
    "tables",
    "take_rows",
    "text",
    "to_grid",
    "write_dicom_seg",
    "write_nifti",
]

_MODULE_OF = {
    "Arrays": "source",
    "Grid": "studies.grid",
    "Source": "source",
    "SplitCheck": "split_check",
    "Splits": "catalogue",
    "check_split": "split_check",
    "columns": "source",
    "from_arrays": "source",
    "from_csv": "readers.table",
    "from_image_folder": "readers.image_folder",
    "from_masks": "studies.from_masks",
    "from_studies": "studies.source",
    "from_text_csv": "readers.text_table",
    "from_text_folder": "readers.text_folder",
    "from_tfds": "readers.tfds",
    "landmark_rows": "landmarks",
    "load": "catalogue",
    "read_dicom_series": "studies.dicom_series",
    "read_nifti": "studies.nifti",
    "split": "splits",
    "stratified_folds": "splits",
    "stratified_split": "splits",
    "study_labels": "studies.labels",
    "subset": "source",
    "take_rows": "source",
    "write_dicom_seg": "studies.dicom_segmentation",
    "write_nifti": "studies.nifti_labels",
    "to_grid": "studies.grid",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
