"""Headers of DICOM files: images told from other files, and broken files named."""

import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from jaxmed.data.studies import dicom_header

REAL = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


def _real(name):
    return Path(get_testdata_file(name, download=False))


def test_without_pydicom_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[imaging\]'"):
        dicom_header.read_header(_real("CT_small.dcm"))


def test_what_is_no_image_is_told_from_what_is_broken(tmp_path):
    assert not dicom_header.is_image(dicom_header.read_header(_real("reportsi.dcm")))
    assert not dicom_header.is_image(dicom_header.read_header(REAL / "DICOMDIR"))
    path = tmp_path / "a.dcm"
    for content in (b"", b"no DICOM at all", b"\0" * 128 + b"DICM" + bytes(range(256)) * 9):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.dcm cannot be read as DICOM"):
            dicom_header.read_header(path)
    assert dicom_header.is_dicom(REAL / "77654033" / "CR1" / "6154")  # by its content
    assert not dicom_header.is_dicom(REAL / "README.txt")
