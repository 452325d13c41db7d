"""Values of DICOM pixels in the scanner's unit, against the bytes and against other encodings."""

import types
from pathlib import Path

import numpy as np
import pydicom
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


def test_a_decoder_that_is_missing_is_named(monkeypatch):
    with monkeypatch.context() as patch:
        # Others that are installed for DICOM SEG may read it.
        missing = types.SimpleNamespace(is_available=False)
        patch.setattr("pydicom.pixels.get_decoder", lambda syntax: missing)
        with pytest.raises(
            ModuleNotFoundError,
            match=r"jpeg_ls_lossless\.dcm is compressed \(JPEG-LS .* pip install",
        ):
            _parsed(_real("MR_small_jpeg_ls_lossless.dcm"))
    with pytest.raises(ValueError, match=r"JPEG-lossy\.dcm .* 12-bit .* another decoder \(pip"):
        dicom_pixels.read_pixels(_real("JPEG-lossy.dcm"))


def test_sixteen_bits_keep_every_value(tmp_path):
    pixels = np.arange(2**16).reshape(256, 256)
    path = written.write_image(tmp_path / "a.dcm", pixels, PixelRepresentation=0)
    np.testing.assert_array_equal(dicom_pixels.read_pixels(path)[0], pixels)


ABSURD = {
    "no frame": ({"NumberOfFrames": 0}, "claims 0 frames"),
    "negative": ({"NumberOfFrames": -7}, "claims -7 frames"),
    "2^31 - 1 frames": ({"NumberOfFrames": 2**31 - 1}, "claims 2147483647 frames"),
    "more frames than bytes": ({"NumberOfFrames": 70_000}, "is cut off: it holds 32 of"),
    "two frames": ({"NumberOfFrames": 2}, "is cut off: it holds 32 of 64 bytes"),
    "rows": ({"Rows": 65535, "Columns": 65535}, "is cut off: it holds 32 of 8589672450 bytes"),
    "no rows": ({"Rows": 0}, "holds no pixels"),
    "bits": ({"BitsAllocated": 12}, "claims 12 bits per pixel, but must have 8 or 16 or 32"),
    "used bits": ({"BitsStored": 17}, "claims that 17 of 16 bits"),
    "sign": ({"PixelRepresentation": 2}, "does not say whether its values have a sign"),
    "slope": ({"RescaleSlope": "nan"}, "has the slope nan and intercept 0"),
    "flat": ({"RescaleSlope": 0}, "has the slope 0 and intercept 0"),
    "intercept": ({"RescaleIntercept": "inf"}, "has the slope 1 and intercept inf"),
    "color": ({"SamplesPerPixel": 3}, "is in color"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("case", ABSURD)
def test_what_a_header_claims_is_compared_with_the_bytes_first(case, tmp_path):
    changes, reason = ABSURD[case]
    path = written.write_image(tmp_path / "a.dcm", np.arange(16).reshape(4, 4))
    dataset = pydicom.dcmread(path)
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    file = _parsed(path)
    assert f"{path} {reason}" in file.error
    assert len(file.frames) <= 2
    with pytest.raises(ValueError, match=reason):
        dicom_pixels.read_pixels(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"NumberOfFrames": 50_000}, "claims 50000 frames, but holds 1 compressed"),
        ({"Rows": 60_000, "Columns": 60_000}, r"claims 7,200,000,000 bytes of pixels in \d+ comp"),
    ],
)
def test_compressed_pixels_cannot_hold_what_is_claimed(changes, reason, tmp_path):
    path = written.write_image(tmp_path / "a.dcm", np.arange(16).reshape(4, 4))
    dataset = pydicom.dcmread(path)
    dataset.compress(pydicom.uid.RLELossless)
    dataset.save_as(path)
    np.testing.assert_array_equal(dicom_pixels.read_pixels(path)[0], np.arange(16).reshape(4, 4))
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    with pytest.raises(ValueError, match=reason):
        dicom_pixels.read_pixels(path)


def test_values_beyond_float32_are_refused(tmp_path):
    path = written.write_image(tmp_path / "a.dcm", np.full((2, 2), 9), RescaleSlope="1e38")
    with pytest.raises(ValueError, match=r"a\.dcm holds NaN or infinity in its pixels"):
        dicom_pixels.read_pixels(path)
