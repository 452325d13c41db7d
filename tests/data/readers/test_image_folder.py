"""Folders of images: what is on disk comes back, and what cannot is refused before training."""

import io
import os

import numpy as np
import pytest
from PIL import Image
from written_images import png

from jaxmed.data import columns, from_image_folder

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    """Two classes of 6x4 color images, lossless; the pixels by path."""
    pixels = {}
    for name, count in (("normal", 2), ("melanoma", 3)):
        (tmp_path / name).mkdir()
        for number in range(count):
            path = tmp_path / name / f"{number}.png"
            pixels[path] = RNG.integers(0, 256, (6, 4, 3), np.uint8)
            Image.fromarray(pixels[path]).save(path)
    (tmp_path / "normal" / "notes.txt").write_text("ignored")
    return tmp_path, pixels


def test_pixels_classes_and_ids(folder):
    path, pixels = folder
    source = from_image_folder(path)
    assert source.classes == ("melanoma", "normal")
    read = columns(source)
    np.testing.assert_array_equal(read["label"], [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(read["id"], range(5))
    np.testing.assert_array_equal(read["image"], [pixels[file] for file in source.paths])
    assert read["image"].dtype == np.uint8


def test_gray_and_resized(folder):
    read = columns(from_image_folder(folder[0], channels=1, size=(8, 12)))
    assert read["image"].shape == (5, 8, 12, 1)


def test_a_rotated_photograph_is_turned_upright(folder):
    path, _ = folder
    lying = np.zeros((4, 6, 3), np.uint8)
    lying[:2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    Image.fromarray(lying).save(path / "normal" / "photo.jpg", exif=exif, quality=100)
    image = from_image_folder(path)[5]["image"]
    np.testing.assert_allclose(image, np.rot90(lying, -1), atol=8)


def test_unequal_sizes_name_file_sizes_and_remedy(folder):
    path, _ = folder
    Image.new("RGB", (10, 7)).save(path / "normal" / "wide.png")
    with pytest.raises(
        ValueError, match=r"wide\.png is 7x10 .* 0\.png is 6x4: .* pass size=\(height, width\)"
    ):
        from_image_folder(path)
    assert columns(from_image_folder(path, size=(6, 4)))["image"].shape == (6, 6, 4, 3)


def test_sixteen_bits_are_refused_rather_than_cut(folder):
    path, _ = folder
    Image.fromarray(np.full((6, 4), 40_000, np.uint16)).save(path / "normal" / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits per channel"):
        from_image_folder(path)


def test_broken_files_are_named(folder):
    path, _ = folder
    (path / "normal" / "text.png").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.png cannot be read as a PNG or JPEG image"):
        from_image_folder(path)
    (path / "normal" / "text.png").unlink()
    whole = (path / "normal" / "1.png").read_bytes()
    (path / "normal" / "1.png").write_bytes(whole[:60])
    with pytest.raises(ValueError, match=r"1\.png is incomplete"):
        from_image_folder(path)[4]


@pytest.mark.parametrize(("color", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_sixteen_bits_in_colors_are_refused_too(folder, color, channels):
    path, _ = folder
    rows = b"".join(b"\0" + np.full(4 * channels, 200, ">u2").tobytes() for _ in range(6))
    content = png(4, 6, depth=16, color=color, rows=rows)
    assert Image.open(io.BytesIO(content)).size == (4, 6)
    (path / "normal" / "deep.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits per channel"):
        from_image_folder(path)


@pytest.mark.parametrize("side", [8_500, 20_000, 2_000_000])
def test_a_picture_too_large_for_the_memory_is_named(folder, side):
    path, _ = folder
    (path / "normal" / "scan.png").write_bytes(png(side, side, depth=8, color=0))
    with pytest.raises(ValueError, match=r"scan\.png has more than 64,000,000 pixels"):
        from_image_folder(path, size=(8, 8))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP", "EPS"])
def test_other_formats_under_a_name_of_these_are_refused(folder, kind):
    path, pixels = folder
    Image.fromarray(next(iter(pixels.values()))).save(path / "normal" / "other.png", format=kind)
    with pytest.raises(ValueError, match=r"other\.png cannot be read as a PNG or JPEG image"):
        from_image_folder(path)


def test_only_regular_files_are_read(folder):
    path, _ = folder
    os.mkfifo(path / "normal" / "pipe.png")
    (path / "normal" / "folder.png").mkdir()
    assert len(from_image_folder(path)) == 5


@pytest.mark.parametrize("turned", [False, True])
def test_a_damaged_jpeg_is_refused_by_name(tmp_path, turned):
    (tmp_path / "a").mkdir()
    path, exif = tmp_path / "a" / "0.jpg", Image.Exif()
    if turned:
        exif[0x0112] = 6
    picture = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(picture).save(path, quality=90, exif=exif)
    whole, sound = path.read_bytes(), from_image_folder(tmp_path)[0]["image"]
    refused = 0
    for place in range(len(whole) // 3, len(whole) - 100, 97):
        path.write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
        try:
            image = from_image_folder(tmp_path)[0]["image"]
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017 (it may also be sound)
            refused += 1
        else:
            np.testing.assert_array_equal(image, sound)
    assert refused > 20


def test_skipped_images_are_counted_named_and_gone(folder):
    path, pixels = folder
    cut = (path / "normal" / "0.png").read_bytes()[:-30]
    (path / "normal" / "0.png").write_bytes(cut)  # its header is sound
    (path / "melanoma" / "text.png").write_text("no image")
    (path / "melanoma" / "gone.png").symlink_to("nothing")
    with pytest.warns(UserWarning, match=r"3 of 7 images are skipped\. ") as seen:
        source = from_image_folder(path, on_error="skip")
    names = {"0.png": "incomplete", "text.png": "cannot be read", "gone.png": "does not exist"}
    assert {file.name for file in source.skipped} == set(names)
    for file, reason in source.skipped.items():
        assert names[file.name] in reason
        assert str(file) in str(seen[0].message)
    read = columns(source)
    np.testing.assert_array_equal(read["image"], [pixels[file] for file in source.paths])
    np.testing.assert_array_equal(read["label"], [0, 0, 0, 1])
    np.testing.assert_array_equal(read["id"], range(4))


def test_a_class_without_a_readable_image_is_refused(folder):
    path, _ = folder
    for file in (path / "normal").glob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the files of class 'normal' can be read"):
        from_image_folder(path, on_error="skip")
    with pytest.raises(ValueError, match="on_error is 'ignore', which is unknown: choose from"):
        from_image_folder(path, on_error="ignore")


def test_the_positive_class_is_chosen(folder):
    path, _ = folder
    source = from_image_folder(path, classes=("normal", "melanoma"))
    assert source.classes == ("normal", "melanoma")
    np.testing.assert_array_equal(source.label, [0, 0, 1, 1, 1])
    with pytest.raises(ValueError, match=r"classes names 'nevus', but .* no such sub-folder"):
        from_image_folder(path, classes=("normal", "nevus"))
    with pytest.raises(ValueError, match="names 'normal' twice"):
        from_image_folder(path, classes=("normal", "normal"))


def test_folders_without_images(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        from_image_folder(tmp_path / "none")
    with pytest.raises(ValueError, match="has no sub-folders"):
        from_image_folder(tmp_path)
    (tmp_path / "normal").mkdir()
    with pytest.raises(ValueError, match=r"normal holds no \.png"):
        from_image_folder(tmp_path)
    with pytest.raises(ValueError, match="channels is 4, but must be 1"):
        from_image_folder(tmp_path, channels=4)
