"""The header of a DICOM file, read without its pixels, and how its attributes are looked up.

Headers alone are fast to read: a folder of many thousand files is searched in seconds, and errors
are found before any training starts.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jaxmed.data.readers.unreadable import one_line

_SUFFIXES = (".dcm", ".dicom", ".ima")
_LARGE = 1024  # bytes from which an element, that is the pixels, stays on disk
_SIGNED = 132  # bytes of the preamble and the signature behind it
_FIRST_GROUPS = (0x0002, 0x0008)  # of the file's own description, and of the image's
_LAST_FIRST_ELEMENT = 0x0018  # the SOPInstanceUID: nothing mandatory comes later in group 0008
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_CHUNK = 2**20  # bytes decompressed at once
_SMALL = 2**28  # bytes that a deflated file may hold at any ratio
_HIGHEST_RATIO = 100  # of a larger one


def is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its suffix, its signature, or its first element.

    Exported files often have no suffix, and older ones neither preamble nor signature.
    """
    if has_dicom_suffix(path):
        return True
    start = _start(path)
    return start[128:_SIGNED] == b"DICM" or _starts_with_element(start)


def has_dicom_suffix(path: Path) -> bool:
    """Whether a file is called `.dcm`, `.dicom` or `.ima`."""
    return path.suffix.lower() in _SUFFIXES


def read_header(path: Path) -> Any:
    """The `pydicom.Dataset` of a file, with its pixels left on disk.

    Raises:
        ModuleNotFoundError: pydicom is not installed.
        ValueError: It is not a DICOM file, or a broken one.
    """
    pydicom = _pydicom()
    try:
        start = _start(path)
        force = _starts_with_element(start)  # there is no signature to look for
        _check_deflated(path)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            dataset = pydicom.dcmread(path, defer_size=_LARGE, force=force)
        if any("End of file reached" in str(each.message) for each in seen):
            with ignore_warnings():  # compressed pixels are cut off: pydicom drops the rest too
                dataset = pydicom.dcmread(path, stop_before_pixels=True, force=force)
        if "Rows" not in dataset and not _sop_class(dataset):
            raise ValueError("it has neither Rows nor a SOP class")
        _state_encoding(dataset)
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
    """The number of frames that a file claims, which may be less than 1; 1 where it says none."""
    stated = dataset.get("NumberOfFrames")
    return 1 if stated is None or stated == "" else int(stated)


@contextmanager
def ignore_warnings() -> Iterator[None]:
    """Silence pydicom's warnings about imprecise headers; what matters is checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _sop_class(dataset: Any) -> str:
    """The name of its SOP class (PS3.6 A), such as CT Image Storage; empty where it has none."""
    meta = dataset.file_meta
    kind = dataset.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    return str(kind.name) if kind and kind.name != kind else ""  # an unknown UID is its own name


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_SIGNED)


def _starts_with_element(start: bytes) -> bool:
    """Whether a file without preamble starts with a data element as DICOM files do (PS3.5 7.1)."""
    if len(start) < 8:
        return False
    for order in "<>":
        group, element, length = struct.unpack(f"{order}HHI", start[:8])
        if group not in _FIRST_GROUPS or element > _LAST_FIRST_ELEMENT:
            continue
        explicit = start[4:6] in (b"UL", b"CS", b"UI", b"DA", b"TM", b"OB", b"LO", b"SH")
        expected = (4,) if element <= 1 else range(0, 256, 2)  # a group starts with its own length
        if explicit or length in expected:
            return True
    return False


def _check_deflated(path: Path) -> None:
    """Refuse a deflated file that unpacks to far more than its size: pydicom unpacks it whole."""
    with path.open("rb") as stream:
        start = stream.read(4096)
        if _DEFLATED not in start:
            return
        meta = start.find(b"\x02\x00\x00\x00UL\x04\x00")
        if meta < 0:
            raise ValueError("it is deflated, but does not say where")
        stream.seek(meta + 12 + int.from_bytes(start[meta + 8 : meta + 12], "little"))
        packed, unpacked = path.stat().st_size, 0
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        while (part := decoder.unconsumed_tail or stream.read(_CHUNK)) and not decoder.eof:
            unpacked += len(decoder.decompress(part, _CHUNK))
            if unpacked > max(_SMALL, _HIGHEST_RATIO * packed):
                raise ValueError(
                    f"it unpacks to more than {unpacked:,} bytes from {packed:,}, which no image "
                    "does"
                )


def _state_encoding(dataset: Any) -> None:
    """Write down the transfer syntax that pydicom found where the file does not state any."""
    from pydicom import uid

    if dataset.file_meta.get("TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    found = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = found if little else uid.ExplicitVRBigEndian


def _pydicom() -> Any:
    try:
        import pydicom
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "DICOM files need pydicom, which is not installed: pip install 'jaxmed[imaging]'."
        ) from error
    return pydicom
