"""Labels as a NIfTI file on the grid of another one."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.regular_files import is_regular
from jaxmed.data.studies.label_files import as_uint8, target
from jaxmed.data.studies.nifti_header import checked_header
from jaxmed.files import write_whole

_GEOMETRY = (
    "pixdim",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
)
"""Fields of a header that say where its voxels lie."""


def write_nifti(labels: np.ndarray, *, like: str | Path, path: str | Path) -> None:
    """Write labels as a NIfTI file that lies exactly on the image they belong to.

    Shape, affine and units are those of `like`, bit for bit; voxels are uint8 and the intent is
    that of labels. Nothing else of the header is kept: its description and its extensions may name
    the patient. The file appears whole or not at all, and an older one of that name is replaced.

    Args:
        labels: whole numbers in 0 .. 255, along the axes of the file `like` as they are stored
            there, not as `read_nifti` orients them.
        like: the image, `.nii` or `.nii.gz`; only its header is read.
        path: of the new file, `.nii` or `.nii.gz`, which is packed; not that of `like`.

    Raises:
        ModuleNotFoundError: nibabel is not installed.
        FileNotFoundError: There is no file `like`.
        ValueError: Labels have another shape or other values, `like` is broken, or `path` is the
            input or has another suffix.
    """
    source = checks.path("like", like)
    if not is_regular(source):
        raise FileNotFoundError(f"like is {str(source)!r}, but there is no such file.")
    found = target(path, [source], (".nii", ".nii.gz"))
    header, _ = checked_header(source)
    values = as_uint8(labels, tuple(int(length) for length in header.get_data_shape()), source)
    content = _image(values, header).to_bytes()
    if found.suffix.lower() == ".gz":
        content = gzip.compress(content, compresslevel=6, mtime=0)  # equal labels, equal bytes
    write_whole(found, content)


def _image(values: np.ndarray, like: Any) -> Any:
    import nibabel

    header = type(like)()
    header.set_data_shape(values.shape)
    header.set_data_dtype(np.uint8)
    header.set_intent("label")
    for field in _GEOMETRY:
        header[field] = like[field]
    kind = {
        nibabel.Nifti1Header: nibabel.Nifti1Image,
        nibabel.Nifti2Header: nibabel.Nifti2Image,
    }[type(header)]
    return kind(values, None, header)
