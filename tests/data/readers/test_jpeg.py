"""What is decoded without Pillow has Pillow's bits, and all else is left to it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from jaxmed.data import from_image_folder
from jaxmed.data.readers import jpeg


def plain_pixels(path, channels):
    return jpeg.plain_pixels(path, path.read_bytes(), channels)


def saved(path, mode="RGB", size=(37, 51), **options):
    """A smooth image, saved."""
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 4), np.uint8)
    coarse = coarse[..., 0] if mode == "L" else coarse[..., : len(mode)]
    Image.fromarray(coarse, mode).resize(size).save(path, "JPEG", **options)
    return path


@pytest.mark.parametrize("quality", [40, 95])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("mode", "options"),
    [("L", {}), *(("RGB", {"subsampling": number}) for number in range(3))],
)
def test_plain_files_have_the_bits_of_pillow(mode, options, progressive, quality, tmp_path):
    path = tmp_path / "image.jpg"
    saved(path, mode, quality=quality, progressive=progressive, **options)
    found = plain_pixels(path, len(mode))
    with Image.open(path) as image:
        expected = np.asarray(image).reshape(51, 37, len(mode))
    np.testing.assert_array_equal(found, expected)


def test_gray_files_become_color_as_pillow_makes_them(tmp_path):
    path = saved(tmp_path / "gray.jpg", "L")
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(plain_pixels(path, 3), expected)


def test_what_is_not_plain_is_left_to_pillow(tmp_path):
    color = saved(tmp_path / "color.jpg")
    assert plain_pixels(color, 1) is None
    assert plain_pixels(saved(tmp_path / "inks.jpg", "CMYK"), 3) is None
    turned = Image.Exif()
    turned[0x0112] = 6
    assert plain_pixels(saved(tmp_path / "turned.jpg", exif=turned), 3) is None
    packet = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert plain_pixels(saved(tmp_path / "packet.jpg", xmp=packet), 3) is None
    (tmp_path / "half.jpg").write_bytes(color.read_bytes()[:-200])
    assert plain_pixels(tmp_path / "half.jpg", 3) is None
    Image.new("RGB", (4, 4)).save(tmp_path / "other.png")
    assert plain_pixels(tmp_path / "other.png", 3) is None


def test_a_broken_file_is_named_when_it_is_read(tmp_path):
    (tmp_path / "one").mkdir()
    whole = saved(tmp_path / "one" / "a.jpg", size=(200, 200), quality=95)
    whole.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"a\.jpg is incomplete"):
        from_image_folder(tmp_path)[0]


def test_a_size_is_reached_as_pillow_reaches_it(tmp_path):
    (tmp_path / "one").mkdir()
    path = saved(tmp_path / "one" / "a.jpg", "L")
    found = from_image_folder(tmp_path, channels=1, size=(20, 30))[0]["image"]
    with Image.open(path) as image:
        expected = np.asarray(image.resize((30, 20), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(found[..., 0], expected)
