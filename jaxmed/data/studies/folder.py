"""The volumes or images in a folder of studies, their names, and their errors."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed.data.groups import normalized
from jaxmed.data.readers.regular_files import list_files
from jaxmed.data.studies import dicom, dicom_header, dicom_series, nifti
from jaxmed.data.studies.dicom import DicomFile
from jaxmed.data.studies.geometry import Geometry
from jaxmed.data.studies.volume import Volume

_SUFFIXES = (".nii.gz", ".nii", ".dcm", ".dicom", ".ima")


@dataclasses.dataclass(frozen=True)
class Scan:
    """A volume or an image, before it is read.

    Attributes:
        path: its file, or the first of them.
        files: number of files.
        names: its names, by kind of name; see `study_labels`.
        patient: DICOM's PatientID; empty where the files have none.
        read: returns its values.
        geometry: returns the grid of the file, without reading its values.
        inverted: low values are bright.
        slice_of: for an image, the series of which it is a slice; empty if it is none.
        error: why it cannot be read; empty if no error is known.
        gray_levels: its values are whole numbers from 0 to 255, those of a picture with 8 bits.
    """

    path: Path
    files: int
    names: Mapping[str, str]
    patient: str
    read: Callable[[], Volume]
    geometry: Callable[[], Geometry]
    inverted: bool = False
    slice_of: str = ""
    error: str = ""
    gray_levels: bool = False


def find_scans(
    path: Path, *, axes: int, keep: Callable[[Any], bool] | None
) -> tuple[list[Scan], dict[Path, str]]:
    """Every volume (`axes` 3) or image (2) below a folder, sorted by path, and unreadable files.

    Args:
        path: the folder; hidden and special files (`list_files`), and those that are neither a
            DICOM image nor NIfTI, are ignored.
        axes: 3 for volumes, 2 for images.
        keep: called with each DICOM header, as in `from_studies`.

    Returns:
        (scans, reason by file). A file with an unreadable header is in the latter. A scan with a
        readable header that shows an error is in the former.

    Raises:
        FileNotFoundError: The folder does not exist.
        ValueError: It holds volumes where images are expected, or the reverse.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    scans: list[Scan] = []
    files: list[DicomFile] = []
    listing = list_files(path, recursive=True)
    unread = {each: why for each, why in listing.missing.items() if _may_hold_study(each)}
    for each in listing.files:
        try:
            if nifti.is_nifti(each):
                scans.append(_nifti_scan(each, path, axes))
            elif dicom_header.is_dicom(each) and (file := dicom.read_file(each, keep)):
                files.append(file)
        except _WrongKindError:
            raise
        except ValueError as error:
            unread[each] = str(error)
        except OSError as error:
            unread[each] = f"{each} cannot be read ({error.strerror}): make it readable."
    series = dicom_series.group_by_series(files)
    if axes == 3:
        own_folders = _folders_of_one_series(series)
        scans += [_volume_scan(members, path, own_folders, unread) for members in series]
    else:
        scans += [scan for members in series for scan in _image_scans(members, path)]
    return sorted(scans, key=lambda scan: scan.path), unread


class _WrongKindError(ValueError):
    """The folder holds another kind of scan than was requested: no error of one file."""


def _nifti_scan(path: Path, root: Path, axes: int) -> Scan:
    shape = nifti.read_shape(path)
    if len(shape) != axes:
        raise _wrong_kind(path, f"has {len(shape)} axes longer than 1", axes)
    return Scan(
        path=path,
        files=1,
        names=path_names(path.relative_to(root)),
        patient="",
        read=functools.partial(nifti.read_nifti, path),
        geometry=functools.partial(nifti.read_geometry, path),
    )


def _volume_scan(
    files: Sequence[DicomFile], root: Path, own_folders: set[Path], unread: Mapping[Path, str]
) -> Scan:
    first, folder = files[0], files[0].path.parent
    unread_here = [file for file in unread if file.parent == folder and _may_be_slice(file)]
    error = ""
    if folder in own_folders and unread_here:
        error = f"{unread_here[0]} may be one of its slices, and cannot be read."
    elif sum(len(file.frames) for file in files) == 1 and not first.error:
        raise _wrong_kind(first.path, "is one image", axes=3)
    try:
        dicom_series.sort_slices(files)
    except ValueError as invalid:
        error = error or str(invalid)
    multi_frame = len(files) == 1 and len(first.frames) > 1
    own_path = first.path if multi_frame else folder
    has_path = multi_frame or folder in own_folders
    return Scan(
        path=first.path,
        files=len(files),
        names=(path_names(own_path.relative_to(root)) if has_path else {}) | _uid_names(first),
        patient=first.patient,
        read=functools.partial(dicom_series.read_series, files),
        geometry=functools.partial(dicom_series.series_geometry, files),
        inverted=first.inverted,
        error=error,
    )


def _image_scans(files: Sequence[DicomFile], root: Path) -> list[Scan]:
    positions = {file.frames[0].position for file in files} - {None}
    scans = []
    for file in files:
        if len(file.frames) > 1 and not file.error:
            raise _wrong_kind(file.path, f"has {len(file.frames)} frames", axes=2)
        names = path_names(file.path.relative_to(root)) | {"SOPInstanceUID": file.instance}
        scans.append(
            Scan(
                path=file.path,
                files=1,
                names=names | _uid_names(file),
                patient=file.patient,
                read=functools.partial(dicom_series.read_image, file),
                geometry=functools.partial(dicom_series.image_geometry, file),
                inverted=file.inverted,
                slice_of=file.series if len(positions) > 1 else "",
                error=file.error,
            )
        )
    return scans


def _may_hold_study(path: Path) -> bool:
    """Whether a path that cannot be read may hold a study, as far as its name tells.

    Names of DICOM files often end with a number or without any suffix.
    """
    return path.is_dir() or nifti.is_nifti(path) or _may_be_slice(path)


def _may_be_slice(path: Path) -> bool:
    other = nifti.is_nifti(path) or path.is_dir()
    return not other and (dicom_header.has_dicom_suffix(path) or not path.suffix[1:].isalpha())


def _folders_of_one_series(series: Sequence[Sequence[DicomFile]]) -> set[Path]:
    """The folders that hold exactly one series, all of it."""
    members: dict[Path, set[int]] = defaultdict(set)
    for number, files in enumerate(series):
        for file in files:
            members[file.path.parent].add(number)
    whole = {files[0].path.parent for files in series if len({f.path.parent for f in files}) == 1}
    return {folder for folder in whole if len(members[folder]) == 1}


def path_names(path: Path, suffixes: Sequence[str] = _SUFFIXES) -> dict[str, str]:
    """Names from a path below the folder of the studies; `.` is that folder itself."""
    if path == Path():
        return {}
    suffix = next((end for end in suffixes if path.name.lower().endswith(end)), "")
    bare = path.with_name(path.name[: len(path.name) - len(suffix)])
    names = {
        "path": path.as_posix(),
        "path without ending": bare.as_posix(),
        "file name": path.name,
        "file name without ending": bare.name,
        "sub-folder": path.parts[0] if len(path.parts) > 1 else "",
    }
    return {kind: normalized(name) for kind, name in names.items()}  # macOS decomposes accents


def _uid_names(file: DicomFile) -> dict[str, str]:
    return {
        "SeriesInstanceUID": file.series,
        "StudyInstanceUID": file.study,
        "PatientID": file.patient,
    }


def _wrong_kind(path: Path, finding: str, axes: int) -> _WrongKindError:
    requested, other = "(height, width)", "(depth, height, width)"
    if axes == 3:
        requested, other = other, requested
    return _WrongKindError(
        f"{path} {finding}, but shape is {requested}: pass {other}, or keep one kind only "
        "(keep= chooses among DICOM files)."
    )
