"""One image: damage that decoders keep to themselves, and parts that only cost memory or time."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from written_images import png

from jaxmed.data.readers.image_file import image_pixels, image_shape

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)


def saved(kind, **options):
    content = io.BytesIO()
    Image.fromarray(PICTURE).save(content, kind, **options)
    return content.getvalue()


def test_one_flipped_bit_in_the_pixels_of_a_png_is_found(tmp_path):
    path = tmp_path / "a.png"
    content = saved("PNG", compress_level=0)
    for place in range(100, len(content) - 60, 397):
        flipped = bytearray(content)
        flipped[place] ^= 16
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match=r"a\.png is damaged \(the checksum of its IDAT"):
            image_pixels(path, 3)
    path.write_bytes(content)
    np.testing.assert_array_equal(image_pixels(path, 3), PICTURE)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("channels", [1, 3])
def test_damage_that_libjpeg_notices_is_refused_for_every_kind(mode, name, channels, tmp_path):
    content = io.BytesIO()
    Image.fromarray(PICTURE).convert(mode).save(content, "JPEG", quality=90)
    whole = content.getvalue()
    (tmp_path / name).write_bytes(whole[: len(whole) * 3 // 5] + b"\xff\xd9")
    with pytest.raises(ValueError, match=rf"{name} is damaged \(Corrupt JPEG data"):
        image_pixels(tmp_path / name, channels)


@pytest.mark.parametrize("before", [True, False])
def test_a_text_that_unpacks_to_gigabytes_is_no_part_of_an_image(before, tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("key", "x" * 2**21, zip=True)
    content = saved("PNG", pnginfo=texts)
    if not before:  # behind the pixels, where Pillow meets it last
        start, end = content.index(b"zTXt") - 4, content.index(b"IDAT") - 4
        content = content[:start] + content[end:-12] + content[start:end] + content[-12:]
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png .*Decompressed data too large"):
        (image_shape(path), image_pixels(path, 3))


def test_thousands_of_scans_are_not_decoded(tmp_path):
    content = saved("JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    path = tmp_path / "a.jpg"
    path.write_bytes(content[:-2] + content[last:-2] * 400 + content[-2:])
    with pytest.raises(ValueError, match=r"a\.jpg is stored in 410 scans"):
        image_pixels(path, 3)
    path.write_bytes(content + b"\xff\xda" * 400)  # a film behind the image is not decoded
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(image_pixels(path, 3), np.asarray(image))


def test_what_has_no_pixels_or_too_many_bytes(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(0, 4, depth=8, color=0))
    with pytest.raises(ValueError, match=r"a\.png cannot be read as a PNG or JPEG image"):
        image_shape(path)
    with path.open("r+b") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(ValueError, match=r"it has 1,099,511,627,776 bytes"):
        image_shape(path)


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(saved("PNG"))

    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ValueError, match=r"a\.png cannot be read .*\(Permission denied\)"):
        image_shape(path)
