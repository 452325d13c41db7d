"""The header of a DICOM file, read without its pixels, and how its attributes are looked up.

Headers alone are fast to read: a folder of many thousand files is searched in seconds, and errors
are found before any training starts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SUFFIXES = (".dcm", ".dicom", ".ima")
_LARGE = 1024  # bytes from which an element, that is the pixels, stays on disk


def is_dicom(path: Path) -> bool:
    """Whether a file has a DICOM suffix or signature; exported files often have no suffix."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def read_header(path: Path) -> Any:
    """The `pydicom.Dataset` of a file, with its pixels left on disk.

    Raises:
        ModuleNotFoundError: pydicom is not installed.
        ValueError: It is not a DICOM file, or a broken one.
    """
    pydicom = _pydicom()
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            dataset = pydicom.dcmread(path, defer_size=_LARGE)
        if any("End of file reached" in str(each.message) for each in seen):
            with ignore_warnings():  # compressed pixels are cut off: pydicom drops the rest too
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if "Rows" not in dataset and not _sop_class(dataset):
            raise ValueError("it has neither Rows nor a SOP class")
    except Exception as error:  # pydicom raises nearly anything for broken bytes
        raise ValueError(
            f"{path} cannot be read as DICOM ({one_line(error)}): get it again."
        ) from error
    return dataset


def is_image(dataset: Any) -> bool:
    """Whether a header belongs to images, not to a report, plan or directory."""
    return "Rows" in dataset or "Image Storage" in _sop_class(dataset)


def frame_attribute(dataset: Any, number: int, sequence: str, keyword: str) -> Any:
    """An attribute of one frame: its own, that of all frames (PS3.3 C.7.6.16), or the file's."""
    own = (dataset.get("PerFrameFunctionalGroupsSequence") or [])[number : number + 1]
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for group in [*own, *shared]:
        for item in group.get(sequence) or []:
            if keyword in item:
                return item[keyword].value
    return dataset.get(keyword)


def frame_count(dataset: Any) -> int:
    """The number of frames of a file."""
    return int(dataset.get("NumberOfFrames") or 1)


@contextmanager
def ignore_warnings() -> Iterator[None]:
    """Silence pydicom's warnings about imprecise headers; what matters is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def one_line(error: Exception) -> str:
    """The message of an error on one line, to be quoted in another."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _sop_class(dataset: Any) -> str:
    """The name of its SOP class (PS3.6 A), such as CT Image Storage; empty where it has none."""
    meta = dataset.file_meta
    kind = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    return str(kind.name) if kind and kind.name != kind else ""  # an unknown UID is its own name


def _pydicom() -> Any:
    try:
        import pydicom
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "DICOM files need pydicom, which is not installed: pip install 'jaxmed[imaging]'."
        ) from error
    return pydicom
