"""Sources of examples: arrays, tables, folders of images, studies or texts, tfds, our catalogue."""

from __future__ import annotations

from jaxmed.data.readers.image_folder import from_image_folder
from jaxmed.data.readers.table import from_csv
from jaxmed.data.readers.text_folder import from_text_folder
from jaxmed.data.readers.text_table import from_text_csv
from jaxmed.data.readers.tfds import from_tfds
from jaxmed.data.source import Source, columns, from_arrays, subset
from jaxmed.data.splits import stratified_folds, stratified_split
from jaxmed.data.studies.dicom_series import read_dicom_series
from jaxmed.data.studies.labels import study_labels
from jaxmed.data.studies.nifti import read_nifti
from jaxmed.data.studies.source import from_studies

__all__ = [
    "Source",
    "columns",
    "from_arrays",
    "from_csv",
    "from_image_folder",
    "from_studies",
    "from_text_csv",
    "from_text_folder",
    "from_tfds",
    "read_dicom_series",
    "read_nifti",
    "stratified_folds",
    "stratified_split",
    "study_labels",
    "subset",
]
