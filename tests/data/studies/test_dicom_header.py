"""Headers of DICOM files: images told from other files, and broken files named."""

import sys
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import written_dicom as written
from pydicom.data import get_testdata_file

from jaxmed.data import read_dicom_series
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


@pytest.mark.parametrize("kind", ["cut off", "implicit", "explicit", "big endian"])
def test_files_without_preamble_hold_the_same_values(kind, tmp_path):
    """As older scanners write them: the data elements only, in any encoding, without a suffix."""
    pixels = np.random.default_rng(0).integers(-500, 500, (3, 4, 5))
    written.write_series(tmp_path / "whole", pixels)
    for number, path in enumerate(sorted((tmp_path / "whole").iterdir())):
        bare = tmp_path / "bare" / f"IM{number}"
        bare.parent.mkdir(exist_ok=True)
        if kind == "cut off":  # group 2 comes first, as its length, then group 8
            bare.write_bytes(path.read_bytes()[132:])
            continue
        dataset = pydicom.dcmread(path)
        little = kind != "big endian"
        if not little:
            dataset.PixelData = np.asarray(dataset.pixel_array, ">i2").tobytes()
        del dataset.file_meta
        dataset.preamble = None
        options = {"implicit_vr": kind == "implicit", "little_endian": little}
        pydicom.dcmwrite(bare, dataset, enforce_file_format=False, **options)
    assert all(dicom_header.is_dicom(path) for path in (tmp_path / "bare").iterdir())
    np.testing.assert_array_equal(read_dicom_series(tmp_path / "bare").values, pixels)


def test_a_deflated_file_that_unpacks_to_far_more_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_header, "_SMALL", 2**22)
    path = written.write_image(tmp_path / "a.dcm", np.arange(4).reshape(2, 2))
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    assert dicom_header.read_header(path).Rows == 2
    content = path.read_bytes()
    behind = 144 + int.from_bytes(content[140:144], "little")  # PS3.10 7.1: length of group 2
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(2**23)) + packer.flush()
    path.write_bytes(content[:behind] + packed)
    with pytest.raises(ValueError, match=r"a\.dcm cannot be read .*unpacks to more than"):
        dicom_header.read_header(path)
