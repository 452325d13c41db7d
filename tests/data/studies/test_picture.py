"""Pictures as images and as masks: every kind of gray, against Pillow and the numbers written."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxmed.data.studies import picture

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, (5, 7), np.uint8)


def _png_of_few_bits(path, values, bits):
    """A PNG of 2 or 4 bits, which Pillow does not write."""
    height, width = values.shape
    rows = []
    for row in values:
        spread = np.unpackbits(row[:, None].astype(np.uint8), axis=1)[:, 8 - bits :]
        rows.append(b"\0" + np.packbits(spread.ravel()).tobytes())

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_hold_the_numbers_written(bits, tmp_path):
    values = LABELS % 2**bits
    _png_of_few_bits(tmp_path / "a.png", values, bits)
    np.testing.assert_array_equal(picture.read_labels(tmp_path / "a.png"), values)


def test_masks_of_every_kind_hold_the_numbers_written(tmp_path):
    colored = Image.fromarray(LABELS, "P")
    colored.putpalette(RNG.integers(0, 256, 12, np.uint8).tobytes())
    kinds = {
        "gray.png": Image.fromarray(LABELS),
        "palette.png": colored,
        "deep.png": Image.fromarray(LABELS.astype(np.uint16) * 300),
        "gray.tif": Image.fromarray(LABELS),
        "deep.tiff": Image.fromarray(LABELS.astype(np.uint16) * 300),
        "floats.tif": Image.fromarray(LABELS.astype(np.float32)),
    }
    for name, image in kinds.items():
        image.save(tmp_path / name)
        factor = 300 if "deep" in name else 1
        assert picture.label_shape(tmp_path / name) == (5, 7)
        found = picture.read_labels(tmp_path / name)
        np.testing.assert_array_equal(found, LABELS.astype(int) * factor, err_msg=name)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_those_of_pillow(channels, tmp_path):
    pixels = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    for name in ("a.png", "a.tif"):
        Image.fromarray(pixels).save(tmp_path / name)
        scan = picture.picture_scan(tmp_path / name, tmp_path, channels)
        theirs = np.asarray(Image.fromarray(pixels).convert({1: "L", 3: "RGB"}[channels]))
        np.testing.assert_array_equal(scan.read().values, theirs)
        assert scan.gray_levels
        assert scan.geometry().lengths == (5, 7)
        assert scan.names["path without ending"] == "a"


def test_broken_ones_are_named(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(LABELS).save(path)
    content = bytearray(path.read_bytes())
    content[45] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png is damaged \(the checksum of its IDAT"):
        picture.read_labels(path)
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match=r"a\.png cannot be read as a PNG image: remove it"):
        picture.picture_scan(path, tmp_path, 1)
    values = np.full((3, 3), np.nan, np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif holds NaN or infinity: replace them"):
        picture.picture_scan(tmp_path / "a.tif", tmp_path, 1).read()
    Image.fromarray(np.zeros((3, 3, 4), np.uint8), "RGBA").save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"b\.png is in color \(mode RGBA\), but a mask must"):
        picture.label_shape(tmp_path / "b.png")
