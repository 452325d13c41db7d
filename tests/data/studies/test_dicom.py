"""What a header says about a file: geometry, patient, and errors known before pixels are read."""

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from jaxmed.data.studies import dicom, dicom_header


def _real(name):
    return Path(get_testdata_file(name, download=False))


def _parsed(path):
    return dicom.parse_header(path, dicom_header.read_header(path))


def test_spacing_and_identity_of_a_real_file():
    file = _parsed(_real("CT_small.dcm"))
    assert file.shape == (128, 128)
    assert file.frames[0].spacing == (0.661468, 0.661468)
    assert file.patient == "1CT1"
    assert not file.inverted
    assert not file.error


def test_an_invalid_value_is_named():
    with pytest.raises(ValueError, match=r"badVR\.dcm has an invalid header .*'1A'"):
        _parsed(_real("badVR.dcm"))


FAULTS = {
    "MR_truncated.dcm": "is cut off: it holds 8130 of 8192 bytes",
    "examples_rgb_color.dcm": "is in color",
    "liver_1frame.dcm": "is a segmentation",
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_the_header_gives_away(name):
    assert FAULTS[name] in _parsed(_real(name)).error


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm"])
def test_compressed_pixels_that_are_cut_off(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(_real(name).read_bytes()[:-1500])
    assert dicom_header.is_image(dicom_header.read_header(path))
    file = _parsed(path)
    assert "holds no pixels, or ends before them" in file.error
    assert file.patient == "4MR1"  # so that the rest of the study is known to be incomplete
