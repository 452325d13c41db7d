"""Values of DICOM pixels in the scanner's unit, against the bytes and against other encodings."""

from pathlib import Path

import numpy as np
import pytest
import written_dicom as written
from pydicom.data import get_testdata_file

from jaxmed.data.studies import dicom, dicom_header, dicom_pixels


def _real(name):
    return Path(get_testdata_file(name, download=False))


def _parsed(path):
    return dicom.parse_header(path, dicom_header.read_header(path))


def test_hounsfield_units_by_hand_from_the_bytes():
    path = _real("CT_small.dcm")
    element = dicom_header.read_header(path).get_item("PixelData", keep_deferred=True)
    stored = np.frombuffer(
        path.read_bytes(), "<i2", count=element.length // 2, offset=element.value_tell
    )
    found = dicom_pixels.read_pixels(path)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], stored.reshape(128, 128) - 1024)


@pytest.mark.parametrize("kind", ["RLE", "jp2klossless", "implicit", "expb", "bigendian", "padded"])
def test_lossless_encodings_hold_the_same_values(kind):
    plain = dicom_pixels.read_pixels(_real("MR_small.dcm"))
    assert plain.max() > 255
    np.testing.assert_array_equal(dicom_pixels.read_pixels(_real(f"MR_small_{kind}.dcm")), plain)


def test_a_decoder_that_is_missing_is_named():
    with pytest.raises(
        ModuleNotFoundError, match=r"jpeg_ls_lossless\.dcm is compressed \(JPEG-LS .* pip install"
    ):
        _parsed(_real("MR_small_jpeg_ls_lossless.dcm"))
    with pytest.raises(ValueError, match=r"JPEG-lossy\.dcm .* 12-bit .* another decoder \(pip"):
        dicom_pixels.read_pixels(_real("JPEG-lossy.dcm"))


def test_sixteen_bits_keep_every_value(tmp_path):
    pixels = np.arange(2**16).reshape(256, 256)
    path = written.write_image(tmp_path / "a.dcm", pixels, PixelRepresentation=0)
    np.testing.assert_array_equal(dicom_pixels.read_pixels(path)[0], pixels)
