"""Folders of images: what is on disk comes back, and what cannot is refused before training."""

import numpy as np
import pytest
from PIL import Image

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
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits per pixel"):
        from_image_folder(path)


def test_broken_files_are_named(folder):
    path, _ = folder
    (path / "normal" / "text.png").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.png cannot be read as an image"):
        from_image_folder(path)
    (path / "normal" / "text.png").unlink()
    whole = (path / "normal" / "1.png").read_bytes()
    (path / "normal" / "1.png").write_bytes(whole[:60])
    with pytest.raises(ValueError, match=r"1\.png is incomplete"):
        from_image_folder(path)[4]


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
