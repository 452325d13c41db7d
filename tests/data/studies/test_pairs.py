"""Which mask belongs to which image: names, suffixes, folders in one another."""

import numpy as np
import pytest
import written_dicom as written
from written_masks import write_picture, write_segmentation

from jaxmed.data import from_masks

CLASSES = ("no", "yes")
BLANK, FULL = np.zeros((4, 5), np.uint8), np.ones((4, 5), np.uint8)


def _write(root, images, masks):
    for name in images:
        write_picture(root / name, BLANK)
    for name in masks:
        write_picture(root / name, FULL)


def _names(source):
    return [source.grid(row).path.name for row in range(len(source))]


def _read(images, masks, **more):
    source = from_masks(images, masks, classes=CLASSES, shape=(4, 5), **more)
    assert all((source[row]["label"] == 1).all() for row in range(len(source)))
    assert all((source[row]["image"] == 0).all() for row in range(len(source)))
    return source


LAYOUTS = {
    # name: (images, masks, folder of the images, folder of the masks, further arguments)
    "one name": (["x/a.png", "x/s/b.png"], ["y/a.png", "y/s/b.png"], "x", "y", {}),
    "other endings": (["x/a.jpg", "x/b.png"], ["y/a.png", "y/b.tif"], "x", "y", {}),
    "suffixes": (["x/a.png", "x/b.png"], ["y/a_seg.png", "y/b_mask.png"], "x", "y", {}),
    "other folders": (["x/s1/a.png", "x/s2/b.png"], ["y/a.png", "y/b.png"], "x", "y", {}),
    "one folder": (["x/a.png", "x/b.png"], ["x/a_seg.png", "x/b_mask.png"], "x", "x", {}),
    "masks inside": (["x/a.png", "x/b.png"], ["x/m/a.png", "x/m/b.png"], "x", "x/m", {}),
    "images inside": (["x/i/a.png", "x/i/b.png"], ["x/a.png", "x/b.png"], "x/i", "x", {}),
    "suffix of images": (
        ["x/a_0000.png", "x/a_0001.png", "x/b_0000.png"],
        ["y/a.png", "y/b.png"],
        "x",
        "y",
        {"image_suffix": "_0000"},
    ),
    "own suffix": (
        ["x/a.png", "x/a_seg.png"],
        ["y/a-label.png", "y/a_seg-label.png"],
        "x",
        "y",
        {"mask_suffixes": ["-label"]},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_folders(layout, tmp_path):
    images, masks, here, there, more = LAYOUTS[layout]
    _write(tmp_path, images, masks)
    source = _read(tmp_path / here, tmp_path / there, **more)
    expected = [name.split("/")[-1] for name in images if "_0001" not in name]
    assert _names(source) == expected
    assert not source.skipped


def test_the_likeliest_suffix_comes_first(tmp_path):
    """A mask of the very name of an image is not that of another, shorter one."""
    _write(tmp_path, ["x/a.png", "x/a_seg.png"], ["y/a.png", "y/a_seg.png"])
    source = _read(tmp_path / "x", tmp_path / "y")
    assert _names(source) == ["a.png", "a_seg.png"]


def test_two_masks_and_two_images_of_one_name(tmp_path):
    _write(tmp_path, ["x/a.png", "x/b.png", "x/c.jpg", "x/c.png"], ["y/a.png", "y/a_seg.png"])
    _write(tmp_path, [], ["y/b.png", "y/c.png"])
    with pytest.warns(UserWarning, match=r"2 of 8 images and masks are skipped") as seen:
        source = _read(tmp_path / "x", tmp_path / "y")
    assert _names(source) == ["b.png", "c.jpg"]
    message = str(seen[0].message)
    assert "a.png has two masks, a.png and " in message
    assert "c.png and " in message
    assert "c.jpg have one name: rename one of them" in message


def test_segmentations_go_by_their_series_where_they_name_one(tmp_path):
    for name in ("p1", "p2"):
        written.write_series(tmp_path / name, np.zeros((2, 4, 5)), patient=name)
    for name, other in (("p1", "p2"), ("p2", "p1")):  # names that mislead
        number = int(other[1])
        write_segmentation(
            tmp_path / f"{name}.dcm",
            [(number, (0, 0, place), FULL) for place in range(2)],
            references=written.uid(other, "study", "series"),
            patient=name,
        )
    source = from_masks(tmp_path, tmp_path, classes=(*CLASSES, "two"), shape=(2, 4, 5))
    assert len(source) == 2
    assert not source.skipped
    assert [int(source[row]["label"].min()) for row in range(2)] == [1, 2]
