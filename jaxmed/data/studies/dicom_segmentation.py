"""Labels as a DICOM Segmentation (PS3.3 A.51) that refers to the images they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.readers.regular_files import is_regular
from jaxmed.data.readers.unreadable import one_line
from jaxmed.data.studies import dicom
from jaxmed.data.studies.dicom import DicomFile, Frame
from jaxmed.data.studies.dicom_header import ignore_warnings, read_header
from jaxmed.data.studies.dicom_segments import (
    TISSUE,
    Code,
    described_segment,
    dicom_names,
    segment_codes,
)
from jaxmed.data.studies.dicom_series import group_by_series, one_series, sort_slices
from jaxmed.data.studies.label_files import as_uint8, target
from jaxmed.files import write_whole
from jaxmed.version import __version__

_MOST_CLASSES = 256
_MAY_BE_EMPTY = (  # type 2: DICOM wants them there, though without a value
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


def write_dicom_seg(
    labels: np.ndarray,
    *,
    like: str | Path | Sequence[str | Path],
    path: str | Path,
    classes: Sequence[str],
    codes: Mapping[str, tuple[Code, Code]] | None = None,
    algorithm: str = "jaxmed",
    series_number: int = 1000,
) -> None:
    """Write labels as a DICOM Segmentation, which a viewer lays over the images they belong to.

    It has one binary segment per class, belongs to the study and frame of reference of the images,
    and is a series of its own. The patient's name and number are those of the images: the file
    belongs to the record of the patient. It appears whole or not at all; an older one of that name
    is replaced.

    Args:
        labels: the class of each voxel [slices, rows, columns]; slices in the order of their
            positions along the normal of the images (the cross product of the directions of a row
            and of a column), whatever the names of the files. [rows, columns] for one image.
        like: the folder of the series, its files, or a multi-frame file; only headers are read.
        path: of the new file, `.dcm`; outside of the folder `like`, which would hold two series.
        classes: names of the labels 0, 1, ...; label 0 is not written.
        codes: of a class, by its name: the category and the type of what is segmented (PS3.16, CID
            7150 and 7151), such as `{"liver": (("123037004", "SCT", "Anatomical Structure"),
            ("10200004", "SCT", "Liver"))}`. By default both are the unspecific code of tissue.
        algorithm: name of what made the segments, such as that of the model.
        series_number: of the new series.

    Raises:
        ModuleNotFoundError: highdicom or pydicom is not installed.
        FileNotFoundError: There is no such file or folder.
        ValueError: Labels have another shape or other values, the images are no series or lack what
            a segmentation refers to, a name or code is no text, or `path` is an input.
    """
    names = dicom_names("classes", classes)
    if not 2 <= len(names) <= _MOST_CLASSES:
        raise ValueError(
            f"classes has {len(names)} names, but must have 2 to {_MOST_CLASSES}: name label 0 too."
        )
    of_classes = segment_codes(codes, names)
    dicom_names("algorithm", [algorithm])
    series_number = checks.whole("series_number", series_number, most=2**31 - 1)
    files = _files(like)
    found = target(path, [file.path for file in files], (".dcm",))
    _check_outside(found, like)
    frames, distance = _frames(files)
    shape = files[0].shape if distance is None else (len(frames), *files[0].shape)
    values = as_uint8(labels, shape, frames[0].path, most=len(names) - 1)
    highdicom = _highdicom()
    segments = [
        described_segment(
            highdicom, number, name, of_classes.get(name, (TISSUE, TISSUE)), algorithm
        )
        for number, name in enumerate(names[1:], 1)
    ]
    try:
        with ignore_warnings():
            images, stored = _images_and_values(frames, values, distance)
            dataset = highdicom.seg.Segmentation(
                images,
                stored,
                segmentation_type="BINARY",
                segment_descriptions=segments,
                series_instance_uid=highdicom.UID(),
                series_number=series_number,
                sop_instance_uid=highdicom.UID(),
                instance_number=1,
                manufacturer="jaxmed",
                manufacturer_model_name=algorithm,
                software_versions=__version__,
                device_serial_number="unknown",
                omit_empty_frames=bool(values.any()),
            )
            content = BytesIO()
            dataset.save_as(content)
    except Exception as error:  # highdicom raises nearly anything for what images lack
        raise ValueError(
            f"like is {checks.shown(like)}, whose images a segmentation cannot refer to "
            f"({one_line(error)}): get them as the scanner sent them."
        ) from error
    write_whole(found, content.getvalue())


def _highdicom() -> Any:
    try:
        import highdicom
        import highdicom.seg
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "DICOM Segmentations need highdicom, which is not installed: pip install "
            "'jaxmed[segmentation]'."
        ) from error
    return highdicom


def _files(like: Any) -> Sequence[DicomFile]:
    """The files of one series, their headers read."""
    if isinstance(like, str | Path):
        return one_series(checks.path("like", like), name="like")
    paths = [
        checks.path(f"like[{i}]", each)
        for i, each in enumerate(checks.sequence("like", like, "paths, or a folder"))
    ]
    if not paths:
        raise ValueError("like is empty: pass the folder of a series, or its files.")
    for path in paths:
        if not is_regular(path):
            raise FileNotFoundError(f"like has {str(path)!r}, but there is no such file.")
    files = [dicom.read_file(path, None) for path in dict.fromkeys(paths)]
    series = group_by_series(file for file in files if file is not None)
    if len(series) != 1:
        raise ValueError(f"like holds {len(series)} series of images, but must hold one: choose.")
    return series[0]


def _check_outside(path: Path, like: Any) -> None:
    if not isinstance(like, str | Path) or not Path(like).is_dir():
        return
    if path.resolve().is_relative_to(Path(like).resolve()):
        raise ValueError(
            f"path is {str(path)!r}, which is in the folder of the images, but must be outside: "
            "that folder would hold two series."
        )


def _frames(files: Sequence[DicomFile]) -> tuple[tuple[Frame, ...], float | None]:
    """The slices in the order of their positions and mm between them; or the one image and None."""
    if len(files) == 1 and len(files[0].frames) == 1:
        if files[0].error:
            raise ValueError(files[0].error)
        return files[0].frames, None
    if len(files) > 1 and any(len(file.frames) > 1 for file in files):
        raise ValueError(
            f"{files[0].path} is one of several multi-frame files of a series, to which a "
            "segmentation cannot refer: pass one of them as like=."
        )
    stack = sort_slices(files)
    return stack.frames, float(np.linalg.norm(stack.steps[:, 0]))


def _images_and_values(
    frames: Sequence[Frame], values: np.ndarray, distance: float | None
) -> tuple[list[Any], np.ndarray]:
    """The headers of the images, and the values in the order of these or of their frames."""
    paths = list(dict.fromkeys(frame.path for frame in frames))
    images = [read_header(path) for path in paths]
    for image in images:
        if frames[0].position is not None and not image.get("FrameOfReferenceUID"):
            raise ValueError("they name no frame of reference")
        for keyword in _MAY_BE_EMPTY:
            if keyword not in image:
                setattr(image, keyword, None)
    if len(paths) < len(frames):  # a multi-frame file, whose frames may be in any order
        stored = np.empty_like(values)
        stored[[frame.number for frame in frames]] = values
        return images, stored
    for image in images:
        if distance is not None and not image.get("SliceThickness"):
            image.SliceThickness = f"{distance:.10g}"
    return images, values
