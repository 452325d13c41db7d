"""Images and masks that do not fit: each is skipped or refused with one sentence that names it."""

import nibabel
import numpy as np
import pytest
import written_dicom as written
from PIL import Image
from written_masks import AFFINE, write_nifti, write_picture, write_segmentation

from jaxmed.data import columns, from_masks

CLASSES = ("background", "nodule")
SHAPE = (3, 4, 5)
VOLUME = np.arange(60.0, dtype=np.float32).reshape(SHAPE)
MASK = (VOLUME > 30).astype(np.uint8)


@pytest.fixture
def folders(tmp_path):
    """One good pair; the tests add a bad one, called `bad`."""
    write_nifti(tmp_path / "x" / "good.nii.gz", VOLUME)
    write_nifti(tmp_path / "y" / "good.nii.gz", MASK)
    return tmp_path / "x", tmp_path / "y"


def _read(folders, **more):
    arguments = {"classes": CLASSES, "shape": SHAPE, "spacing": (3, 1.5, 2)}
    return from_masks(*folders, **(arguments | more))


def _shifted(by):
    affine = AFFINE.copy()
    affine[0, 3] += by
    return affine


def _zero_step(path):
    """Nibabel refuses to write it: the second column of the affine, in the header's bytes."""
    content = bytearray(write_nifti(path, MASK).read_bytes())
    for row in (280, 296, 312):
        content[row + 4 : row + 8] = bytes(4)
    path.write_bytes(content)


def _oblique():
    affine = AFFINE.copy()
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    affine[:2, :2] = turn @ affine[:2, :2]
    return affine


def _four_axes(path):
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 4, 3, 2), np.uint8), AFFINE), path)


BAD_HEADERS = {
    "shape": (lambda x, y: write_nifti(y, MASK[:2]), r"bad\.nii has 2 x 4 x 5 voxels, but its"),
    "place": (
        lambda x, y: write_nifti(y, MASK, _shifted(5)),
        r"bad\.nii lies up to 5 mm beside its image bad\.nii \(their affines differ\): make it",
    ),
    "direction": (lambda x, y: write_nifti(y, MASK, _oblique()), r"y/bad\.nii lies up to .* mm"),
    "spacing of zero": (lambda x, y: _zero_step(y), r"y/bad\.nii: the spacing is 2 x 0 x 3 mm"),
    "four axes of a mask": (
        lambda x, y: _four_axes(y),
        r"y/bad\.nii has shape \(5, 4, 3, 2\), but must have three axes",
    ),
    "four axes of an image": (
        lambda x, y: (_four_axes(x), write_nifti(y, MASK)),
        r"x/bad\.nii has shape \(5, 4, 3, 2\), but must have three axes",
    ),
    "no mask": (lambda x, y: None, r"x/bad\.nii has no mask: add one, or move the image away"),
    "no image": (
        lambda x, y: (x.unlink(), write_nifti(y, MASK)),
        r"y/bad\.nii belongs to no image: get its image, or rename it",
    ),
    "a slice": (lambda x, y: write_nifti(y, MASK[:1]), r"bad\.nii has 2 axes longer than 1, but"),
    "broken": (lambda x, y: y.write_bytes(b"x"), r"y/bad\.nii cannot be read as NIfTI"),
}


@pytest.mark.parametrize("case", BAD_HEADERS)
def test_headers_show_it_before_anything_is_read(case, folders):
    write, message = BAD_HEADERS[case]
    images, masks = folders
    write_nifti(images / "bad.nii", VOLUME)
    write(images / "bad.nii", masks / "bad.nii")
    with pytest.warns(UserWarning, match=f"images and masks are skipped.*{message}") as seen:
        source = _read(folders)
    assert len(seen) == 1
    assert len(source) == 1
    assert any("bad" in path.name for path in source.skipped)
    np.testing.assert_array_equal(columns(source)["label"][0], MASK)
    with pytest.raises(ValueError, match=message):
        _read(folders, on_error="raise")


def _with_nan():
    values = VOLUME.copy()
    values[1, 2, 3] = np.nan
    return values


BAD_VOXELS = {
    "undeclared": (
        lambda x, y: write_nifti(y, MASK * 3),
        r"y/bad\.nii holds the numbers 3, but only 0, 1 are declared: name every class in classes",
    ),
    "negative": (lambda x, y: write_nifti(y, -MASK.astype(np.int16)), "holds the numbers -1, but"),
    "probabilities": (
        lambda x, y: write_nifti(y, MASK.astype(np.float32) * 0.7),
        r"y/bad\.nii holds 0\.7, but a mask must hold whole numbers.* decide first",
    ),
    "nan in the mask": (
        lambda x, y: write_nifti(y, _with_nan()),
        r"y/bad\.nii holds NaN or infinity in 1 of 60 voxels",
    ),
    "nan in the image": (
        lambda x, y: (write_nifti(x, _with_nan()), write_nifti(y, MASK)),
        r"x/bad\.nii holds NaN or infinity in 1 of 60 voxels",
    ),
}


@pytest.mark.parametrize("case", BAD_VOXELS)
def test_voxels_show_it_when_they_are_read(case, folders):
    write, message = BAD_VOXELS[case]
    images, masks = folders
    write_nifti(images / "bad.nii", VOLUME)
    write(images / "bad.nii", masks / "bad.nii")
    source = _read(folders)
    with pytest.raises(ValueError, match=message):
        source[0]
    with pytest.warns(UserWarning, match=f"1 of 2 pairs are skipped.*{message}"):
        rest = source.only_readable()
    assert len(rest) == len(rest.skipped) == 1
    np.testing.assert_array_equal(rest[0]["image"], source[1]["image"])
    assert rest[0]["id"] == 0
    assert rest.grid(0).path.name == "good.nii.gz"
    assert rest.only_readable() is rest


def test_an_empty_mask_is_kept_and_counted(folders):
    images, masks = folders
    write_nifti(images / "bad.nii", VOLUME)
    write_nifti(masks / "bad.nii", MASK * 0)
    source = _read(folders)
    with pytest.warns(UserWarning, match=r"1 of 2 masks are empty and kept\. .*bad\.nii is empty"):
        assert source.only_readable() is source
    assert not (source[0]["label"] > 0).any()


def test_numbers_may_be_merged_and_left_unlabelled(folders):
    _, masks = folders
    write_nifti(masks / "good.nii.gz", np.array([0, 2, 4, 255])[np.arange(60).reshape(SHAPE) % 4])
    values = {0: 0, 2: 1, 4: 1, 255: -1}
    label = _read(folders, label_values=values)[0]["label"]
    np.testing.assert_array_equal(label, np.array([0, 1, 1, -1])[np.arange(60).reshape(SHAPE) % 4])


def test_rounding_of_an_affine_is_no_difference(folders):
    write_nifti(folders[1] / "good.nii.gz", MASK, _shifted(0.01))
    assert len(_read(folders)) == 1


def _rgb(path):
    write_picture(path, np.zeros((4, 5, 3), np.uint8))


BAD_PICTURES = {
    "color": (_rgb, "bad.png", r"bad\.png is in color \(mode RGB\), but a mask must hold one"),
    "jpeg": (
        lambda path: write_picture(path, np.zeros((4, 5), np.uint8)),
        "bad.jpg",
        r"bad\.jpg is a JPEG, whose compression changes labels: save the mask as PNG",
    ),
    "size": (
        lambda path: write_picture(path, np.zeros((5, 4), np.uint8)),
        "bad.png",
        r"bad\.png has 5 x 4 voxels, but its image bad\.png has 4 x 5",
    ),
    "pages": (
        lambda path: Image.new("L", (5, 4)).save(
            path, save_all=True, append_images=[Image.new("L", (5, 4))]
        ),
        "bad.tif",
        r"bad\.tif has 2 pages, but must have one",
    ),
    "a position": (
        lambda path: write_nifti(path, np.zeros((1, 4, 5), np.uint8)),
        "bad.nii",
        r"bad\.nii and its image bad\.png must both have a position in the patient",
    ),
}


@pytest.mark.parametrize("case", BAD_PICTURES)
def test_pictures_that_are_no_masks(case, tmp_path):
    write, name, message = BAD_PICTURES[case]
    for stem in ("bad", "good"):
        write_picture(tmp_path / "x" / f"{stem}.png", np.zeros((4, 5), np.uint8))
    write_picture(tmp_path / "y" / "good.png", np.zeros((4, 5), np.uint8))
    write(tmp_path / "y" / name)
    with pytest.warns(UserWarning, match=message):
        source = from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=(4, 5))
    assert len(source) == 1


def test_pictures_have_no_spacing(tmp_path):
    for folder in "xy":
        write_picture(tmp_path / folder / "a.png", np.zeros((4, 5), np.uint8))
    with pytest.raises(ValueError, match=r"the file has no spacing in mm: pass spacing=None"):
        from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=(4, 5), spacing=(1, 1))


def test_probabilities_in_a_tiff(tmp_path):
    write_picture(tmp_path / "x" / "a.png", np.zeros((4, 5), np.uint8))
    write_picture(tmp_path / "y" / "a.tif", np.full((4, 5), 0.3, np.float32))
    source = from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=(4, 5))
    with pytest.raises(ValueError, match=r"a\.tif holds 0\.3, but a mask must hold whole numbers"):
        source[0]
    content = (tmp_path / "y" / "a.tif").read_bytes()
    (tmp_path / "y" / "a.tif").write_bytes(content[:-60])
    with pytest.raises(ValueError, match=r"a\.tif (is incomplete|cannot be read)"):
        source[0]


def _series(tmp_path):
    return written.write_series(tmp_path / "x" / "a", VOLUME, patient="p", spacing=(1, 1))


_FULL = [(1, (0, 0, place), MASK[place]) for place in range(3)]
BAD_SEGMENTS = {
    "fractional": (_FULL, {"kind": "FRACTIONAL"}, "type FRACTIONAL, which holds probabilities"),
    "between slices": ([(1, (0, 0, 0.5), MASK[0])], {}, "has frame 0 beside the slices of its"),
    "beside": ([(1, (1, 0, 0), MASK[0])], {}, "has frame 0 beside the slices of its images"),
    "above": ([(1, (0, 0, 3), MASK[0])], {}, "has frame 0 beside the slices of its images"),
    "coarser": (_FULL, {"spacing": (2, 2)}, "has frame 0 beside the slices of its images"),
    "size": ([(1, (0, 0, 0), MASK[0].T)], {}, "has frames of 5 x 4 pixels, but those of its"),
    "no segment": ([(0, (0, 0, 0), MASK[0])], {}, "cannot be read .frame 0 names no segment"),
}


@pytest.mark.parametrize("case", BAD_SEGMENTS)
def test_segmentations_beside_their_series(case, tmp_path):
    frames, more, message = BAD_SEGMENTS[case]
    _series(tmp_path)
    write_segmentation(tmp_path / "y" / "a.dcm", frames, **more)
    with pytest.raises(ValueError, match=message):
        from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=SHAPE)


def test_segments_that_overlap_and_files_that_are_cut_off(tmp_path):
    _series(tmp_path)
    path = tmp_path / "y" / "a.dcm"
    write_segmentation(path, [*_FULL, (2, (0, 0, 2), MASK[2])])
    source = from_masks(tmp_path / "x", tmp_path / "y", classes=(*CLASSES, "more"), shape=SHAPE)
    with pytest.raises(ValueError, match="voxels that belong to the segments 1 and 2, but"):
        source[0]
    write_segmentation(path, _FULL)
    np.testing.assert_array_equal(source[0]["label"], MASK)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"a\.dcm"):
        source[0]
    with pytest.raises(ValueError, match=r"a\.dcm is a segmentation that cannot be read .*cut off"):
        from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=SHAPE)


def test_where_nothing_is_left(tmp_path, folders):
    (folders[1] / "good.nii.gz").rename(folders[1] / "other.nii.gz")
    with pytest.raises(ValueError, match=r"x holds no image with a mask in .*y: "):
        _read(folders)
    with pytest.raises(FileNotFoundError, match=r"masks is .*none', but there is no such folder"):
        from_masks(folders[0], tmp_path / "none", classes=CLASSES, shape=SHAPE)
    with pytest.raises(ValueError, match=r"good\.nii\.gz has 3 axes longer than 1, but shape is"):
        _read(folders, shape=(4, 5), spacing=None)
