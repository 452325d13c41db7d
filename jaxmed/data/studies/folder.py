"""What a folder of studies holds: each volume or image once, by what names, and what is broken."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxmed.data.studies import dicom, dicom_series, nifti
from jaxmed.data.studies.dicom import File
from jaxmed.data.studies.volume import Volume

_ENDINGS = (".nii.gz", ".nii", ".dcm", ".dicom", ".ima")


@dataclasses.dataclass(frozen=True)
class Scan:
    """A volume or an image, before it is read.

    Attributes:
        path: its file, or the first of them.
        files: how many it has.
        names: what it is called, by kind of name; see `study_labels`.
        patient: DICOM's PatientID; empty where the files do not say.
        read: gives its values.
        inverted: low values are bright.
        slice_of: of an image, the series that it is a slice of; empty where it stands alone.
        fault: why it cannot be read; empty where nothing is known against it.
    """

    path: Path
    files: int
    names: Mapping[str, str]
    patient: str
    read: Callable[[], Volume]
    inverted: bool = False
    slice_of: str = ""
    fault: str = ""


def search(
    path: Path, *, axes: int, wanted: Callable[[Any], bool] | None
) -> tuple[list[Scan], dict[Path, str]]:
    """Every volume (`axes` 3) or image (2) below a folder, by path, and the files past reading.

    Args:
        path: the folder; what starts with a dot is left alone, and so is what is neither a DICOM
            image nor NIfTI.
        axes: of what is wanted.
        wanted: asked of each DICOM header, as in `from_studies`.

    Returns:
        (scans, why by file): a file with a broken header is in the latter, a scan of which the
        header tells what it is and that it is broken, in the former.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: It holds volumes where images are wanted, or the reverse.
    """
    if not path.is_dir():
        raise FileNotFoundError(f"path is {str(path)!r}, but there is no such folder.")
    scans: list[Scan] = []
    files: list[File] = []
    unread: dict[Path, str] = {}
    for each in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
        if hidden or not each.is_file():
            continue
        try:
            if nifti.is_nifti(each):
                scans.append(_nifti(each, path, axes))
            elif dicom.is_dicom(each):
                header = dicom.header(each)
                if dicom.is_image(header) and (wanted is None or wanted(header)):
                    files.append(dicom.examined(each, header))
        except _WrongKindError:
            raise
        except ValueError as error:
            unread[each] = str(error)
    groups = dicom_series.by_series(files)
    if axes == 3:
        alone = _alone(groups)
        scans += [_volume(held, path, alone, unread) for held in groups]
    else:
        scans += [scan for held in groups for scan in _images(held, path)]
    return sorted(scans, key=lambda scan: scan.path), unread


class _WrongKindError(ValueError):
    """What the folder holds is not what was asked for: no fault of a file."""


def _nifti(path: Path, root: Path, axes: int) -> Scan:
    found = nifti.examined(path)
    if len(found) != axes:
        raise _wrong(path, f"has {len(found)} axes longer than 1", axes)
    names = _by_path(path.relative_to(root))
    return Scan(path, 1, names, "", functools.partial(nifti.read_nifti, path))


def _volume(held: Sequence[File], root: Path, alone: set[Path], unread: Mapping[Path, str]) -> Scan:
    first, folder = held[0], held[0].path.parent
    lost = [file for file in unread if file.parent == folder]
    fault = ""
    if folder in alone and lost:
        fault = f"{lost[0]} may be one of its slices, and cannot be read."
    elif sum(len(file.frames) for file in held) == 1 and not first.fault:
        raise _wrong(first.path, "is one image", axes=3)
    try:
        dicom_series.stack(held)
    except ValueError as error:
        fault = fault or str(error)
    multi_frame = len(held) == 1 and len(first.frames) > 1
    own = first.path if multi_frame else folder
    named = multi_frame or folder in alone
    return Scan(
        path=first.path,
        files=len(held),
        names=(_by_path(own.relative_to(root)) if named else {}) | _by_uid(first),
        patient=first.patient,
        read=functools.partial(dicom_series.read, held),
        inverted=first.inverted,
        fault=fault,
    )


def _images(held: Sequence[File], root: Path) -> list[Scan]:
    places = {file.frames[0].position for file in held} - {None}
    scans = []
    for file in held:
        if len(file.frames) > 1:
            raise _wrong(file.path, f"has {len(file.frames)} frames", axes=2)
        names = _by_path(file.path.relative_to(root)) | {"SOPInstanceUID": file.instance}
        scans.append(
            Scan(
                path=file.path,
                files=1,
                names=names | _by_uid(file),
                patient=file.patient,
                read=functools.partial(dicom_series.read_image, file),
                inverted=file.inverted,
                slice_of=file.series if len(places) > 1 else "",
                fault=file.fault,
            )
        )
    return scans


def _alone(groups: Sequence[Sequence[File]]) -> set[Path]:
    """The folders whose files are all of one series."""
    held: dict[Path, set[int]] = defaultdict(set)
    for number, files in enumerate(groups):
        for file in files:
            held[file.path.parent].add(number)
    whole = {files[0].path.parent for files in groups if len({f.path.parent for f in files}) == 1}
    return {folder for folder in whole if len(held[folder]) == 1}


def _by_path(path: Path) -> dict[str, str]:
    """Names from a path below the folder of the studies; `.` is that folder itself."""
    if path == Path():
        return {}
    ending = next((end for end in _ENDINGS if path.name.lower().endswith(end)), "")
    bare = path.with_name(path.name[: len(path.name) - len(ending)])
    return {
        "path": path.as_posix(),
        "path without ending": bare.as_posix(),
        "file name": path.name,
        "file name without ending": bare.name,
        "sub-folder": path.parts[0] if len(path.parts) > 1 else "",
    }


def _by_uid(file: File) -> dict[str, str]:
    return {
        "SeriesInstanceUID": file.series,
        "StudyInstanceUID": file.study,
        "PatientID": file.patient,
    }


def _wrong(path: Path, found: str, axes: int) -> _WrongKindError:
    wanted, other = "(height, width)", "(depth, height, width)"
    if axes == 3:
        wanted, other = other, wanted
    return _WrongKindError(
        f"{path} {found}, but shape is {wanted}: pass {other}, or keep to one kind "
        "(wanted= chooses among DICOM files)."
    )
