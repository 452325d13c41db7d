"""Folders of images and masks: what comes out of them, against what was written and SciPy."""

import pickle

import nibabel
import numpy as np
import pytest
import written_dicom as written
from scipy import ndimage
from written_masks import AFFINE, write_nifti, write_picture, write_segmentation

from jaxmed.data import Source, columns, from_masks, from_studies, split, to_grid
from jaxmed.data.studies.grid import from_grid
from jaxmed.data.studies.window import percentile_window
from jaxmed.runs import record

RNG = np.random.default_rng(0)
CLASSES = ("background", "anterior", "posterior")
SHAPE = (4, 6, 5)
SPACING = (3.0, 1.5, 2.0)  # that of AFFINE, from its last axis to the first


@pytest.fixture
def folders(tmp_path):
    """Three volumes of different shapes, with masks of the same names."""
    volumes, labels = {}, {}
    for name, shape in (("a_1", (4, 6, 5)), ("a_2", (6, 5, 5)), ("b_1", (3, 8, 4))):
        volumes[name] = RNG.normal(size=shape).astype(np.float32)
        labels[name] = RNG.integers(0, 3, shape).astype(np.uint8)
        write_nifti(tmp_path / "images" / f"{name}.nii.gz", volumes[name])
        write_nifti(tmp_path / "labels" / f"{name}.nii.gz", labels[name])
    return tmp_path / "images", tmp_path / "labels", volumes, labels


def _padded(values, fill):
    """Cropped and padded about the center to SHAPE, one axis after another, by hand."""
    for axis, want in enumerate(SHAPE):
        have = values.shape[axis]
        if have > want:
            first = (have - want) // 2
            values = np.take(values, range(first, first + want), axis)
        elif have < want:
            before = (want - have) // 2
            widths = [(0, 0)] * values.ndim
            widths[axis] = (before, want - have - before)
            values = np.pad(values, widths, constant_values=fill)
    return values


# What comes out


def test_volumes_and_labels_at_their_own_spacing(folders):
    images, masks, volumes, labels = folders
    source = from_masks(images, masks, classes=CLASSES, shape=SHAPE, spacing=SPACING)
    assert isinstance(source, Source)
    assert source.classes == CLASSES
    assert not source.skipped
    assert set(source[0]) == {"image", "label", "spacing", "id"}
    read = columns(source)
    assert {key: read[key].dtype.name for key in ("image", "label", "spacing", "id")} == {
        "image": "float32",
        "label": "int8",
        "spacing": "float32",
        "id": "int32",
    }
    for row, name in enumerate(sorted(volumes)):
        lowest = volumes[name].min()
        np.testing.assert_array_equal(read["image"][row, ..., 0], _padded(volumes[name], lowest))
        expected = _padded(labels[name].astype(np.int8), -1)
        np.testing.assert_array_equal(read["label"][row], expected)
    np.testing.assert_allclose(read["spacing"], [SPACING] * 3, rtol=1e-6)
    np.testing.assert_array_equal(read["id"], range(3))


def test_labels_are_never_interpolated_and_images_are(folders):
    """At a finer spacing: SciPy's order 0 for labels, and the images of `from_studies`."""
    images, masks, _, labels = folders
    finer, shape = (1.5, 0.9, 0.9), (8, 10, 11)
    arguments = {"shape": shape, "spacing": finer, "window": percentile_window(1, 99)}
    source = from_masks(images, masks, classes=CLASSES, **arguments)
    studies = from_studies(images, **arguments)
    np.testing.assert_array_equal(columns(source)["image"], columns(studies)["image"])
    value = labels["a_1"].astype(np.int8)
    ratios = np.divide(finer, SPACING)
    grown = tuple(round(n / ratio) for n, ratio in zip(value.shape, ratios, strict=True))
    offset = (np.array(value.shape) - 1) / 2 - ratios * (np.array(grown) - 1) / 2
    theirs = ndimage.affine_transform(value, ratios, offset, grown, order=0, mode="nearest")
    center = tuple(slice((a - b) // 2, (a - b) // 2 + b) for a, b in zip(grown, shape, strict=True))
    assert grown == (8, 10, 11)
    np.testing.assert_array_equal(source[0]["label"], theirs[center])


def test_resized_volumes_have_their_own_spacing(folders):
    source = from_masks(*folders[:2], classes=CLASSES, shape=(8, 12, 10), window=(0, 4))
    first = source[0]
    np.testing.assert_allclose(first["spacing"], (1.5, 0.75, 1.0), rtol=1e-6)
    np.testing.assert_array_equal(
        first["label"], folders[3]["a_1"].repeat(2, 0).repeat(2, 1).repeat(2, 2)
    )
    assert first["image"].dtype == np.uint8


def test_storage_order_does_not_matter_and_the_way_back_is_exact(folders, tmp_path):
    """The same volume stored in another order and direction, its mask in a third."""
    images, masks, volumes, labels = folders
    for folder, values in ((images, volumes), (masks, labels)):
        image = nibabel.load(folder / "a_1.nii.gz")
        axes = "RAS" if folder == images else "PIR"
        target = nibabel.orientations.axcodes2ornt(axes)
        turn = nibabel.orientations.ornt_transform(
            nibabel.orientations.io_orientation(image.affine), target
        )
        nibabel.save(image.as_reoriented(turn), folder / "a_1.nii.gz")
        assert nibabel.load(folder / "a_1.nii.gz").shape != values["a_1"].shape
    source = from_masks(images, masks, classes=CLASSES, shape=SHAPE, spacing=SPACING)
    np.testing.assert_array_equal(source[0]["image"][..., 0], volumes["a_1"])
    np.testing.assert_array_equal(source[0]["label"], labels["a_1"])
    for row, name in enumerate(sorted(volumes)):
        grid = source.grid(row)
        stored = nibabel.load(grid.path)
        assert grid.path == images / f"{name}.nii.gz"
        assert grid.shape == stored.shape
        np.testing.assert_allclose(grid.affine, stored.affine, atol=1e-5)
        wide = from_masks(images, masks, classes=CLASSES, shape=(9, 9, 9), spacing=SPACING)
        back = to_grid(wide[row]["label"], wide.grid(row))
        again = nibabel.Nifti1Image(back, grid.affine)
        canonical = np.asarray(nibabel.as_closest_canonical(again).dataobj)
        np.testing.assert_array_equal(canonical[::-1, ::-1].transpose(2, 1, 0), labels[name])
        np.testing.assert_array_equal(from_grid(back, wide.grid(row)), wide[row]["label"])
    studies = from_studies(images, shape=SHAPE, spacing=SPACING)
    np.testing.assert_array_equal(studies.grid(0).affine, source.grid(0).affine)
    assert studies.grid(0).resampled == source.grid(0).resampled


def test_pictures_in_color_and_gray(tmp_path):
    pixels = RNG.integers(0, 256, (2, 8, 10, 3), np.uint8)
    masks = RNG.integers(0, 2, (2, 8, 10), np.uint8)
    for row, kind in enumerate(("png", "tif")):
        write_picture(tmp_path / "x" / f"{row}.{kind}", pixels[row])
        write_picture(tmp_path / "y" / f"{row}_mask.png", masks[row] * 255)
    arguments = {"classes": ("no", "yes"), "label_values": {0: 0, 255: 1}}
    source = from_masks(tmp_path / "x", tmp_path / "y", shape=(8, 10), channels=3, **arguments)
    read = columns(source)
    np.testing.assert_array_equal(read["image"], pixels)
    assert read["image"].dtype == np.uint8
    np.testing.assert_array_equal(read["label"], masks)
    np.testing.assert_array_equal(read["spacing"], 1)
    smaller = from_masks(tmp_path / "x", tmp_path / "y", shape=(4, 5), channels=3, **arguments)
    assert smaller[0]["image"].dtype == np.uint8
    np.testing.assert_array_equal(smaller[0]["label"], masks[0, ::2, ::2])
    back = to_grid(smaller[0]["label"], smaller.grid(0))
    np.testing.assert_array_equal(back, masks[0, ::2, ::2].repeat(2, 0).repeat(2, 1))
    gray = from_masks(tmp_path / "x", tmp_path / "y", shape=(8, 10), **arguments)
    assert gray[1]["image"].shape == (8, 10, 1)


def test_sixteen_bits_are_measurements(tmp_path):
    values = RNG.integers(0, 4000, (6, 5)).astype(np.uint16)
    for kind in ("png", "tif"):
        write_picture(tmp_path / "x" / f"{kind}.{kind}", values)
        write_picture(tmp_path / "y" / f"{kind}.png", (values > 2000).astype(np.uint8))
    source = from_masks(tmp_path / "x", tmp_path / "y", classes=("no", "yes"), shape=(6, 5))
    for row in range(2):
        assert source[row]["image"].dtype == np.float32
        np.testing.assert_array_equal(source[row]["image"][..., 0], values)
        np.testing.assert_array_equal(source[row]["label"], values > 2000)
    with pytest.raises(ValueError, match=r"gray with more than 8 bits, so channels must be 1"):
        from_masks(tmp_path / "x", tmp_path / "y", classes=("a", "b"), shape=(6, 5), channels=3)


def test_dicom_series_with_segmentations_and_nifti(tmp_path):
    pixels = {name: RNG.integers(-300, 400, (4, 6, 5)) for name in ("p1", "p2")}
    segments = RNG.integers(0, 3, (4, 6, 5))
    origin, step = (10, -20, 30), 2
    for name, each in pixels.items():
        written.write_series(
            tmp_path / "x" / name, each, patient=name, origin=origin, spacing=(0.5, 0.7), step=step
        )
    frames = [
        (segment, (origin[0], origin[1], origin[2] + step * place), segments[place] == segment)
        for segment in (2, 1)
        for place in (3, 0, 1, 2)
        if (segments[place] == segment).any()
    ]
    write_segmentation(
        tmp_path / "y" / "any.dcm",
        frames,
        references=written.uid("p1", "study", "series"),
        spacing=(0.5, 0.7),
    )
    affine = np.diag([-0.7, -0.5, 2, 1])
    affine[:3, 3] = -10, 20, 30
    write_nifti(tmp_path / "y" / "p2.nii", segments, affine)
    arguments = {"classes": CLASSES, "shape": SHAPE, "spacing": (2, 0.5, 0.7)}
    source = from_masks(tmp_path / "x", tmp_path / "y", **arguments)
    assert not source.skipped
    read = columns(source)
    for row in range(2):
        np.testing.assert_array_equal(read["label"][row], segments)
        np.testing.assert_array_equal(read["image"][row, ..., 0], pixels[f"p{row + 1}"])
    np.testing.assert_array_equal(read["group"], [0, 1])
    grid = source.grid(0)
    assert [frame.path.name for frame in grid.frames] == [f"00{n}.dcm" for n in range(4)]
    np.testing.assert_array_equal(to_grid(read["label"][0], grid), segments)
    np.testing.assert_allclose(grid.affine @ (0, 0, 0, 1), (-10, 20, 30, 1))


def test_label_maps_hold_the_numbers_of_their_segments(tmp_path):
    segments = RNG.integers(0, 3, SHAPE)
    written.write_series(tmp_path / "x" / "a", RNG.integers(0, 9, SHAPE))
    frames = [(1, (0, 0, place), segments[place]) for place in range(4)]
    write_segmentation(tmp_path / "y" / "a.dcm", frames, kind="LABELMAP")
    source = from_masks(tmp_path / "x", tmp_path / "y", classes=CLASSES, shape=SHAPE)
    np.testing.assert_array_equal(source[0]["label"], segments)


def test_patients_by_name_are_never_in_two_parts(folders):
    source = from_masks(
        *folders[:2],
        classes=CLASSES,
        shape=SHAPE,
        spacing=SPACING,
        patient=lambda name: name.split("_")[0],
    )
    np.testing.assert_array_equal(columns(source)["group"], [0, 0, 1])
    parts = split(source, (0.6, 0.4), seed=0)
    assert sorted(len(part) for part in parts) == [1, 2]
    groups = [set(columns(part)["group"].tolist()) for part in parts]
    assert not groups[0] & groups[1]
    with pytest.raises(ValueError, match=r"patient gives no name for .*a_1\.nii\.gz, but must"):
        from_masks(*folders[:2], classes=CLASSES, shape=SHAPE, patient=lambda name: "")


def test_it_travels_to_other_processes_and_tells_nothing_of_paths(folders):
    source = from_masks(*folders[:2], classes=CLASSES, shape=SHAPE, spacing=SPACING)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again[2]["label"], source[2]["label"])
    assert repr(source) == "Segmentations(3 of shape (4, 6, 5))"
    assert record.jsonable(source) == repr(source)
    np.testing.assert_array_equal(source[-1]["id"], 2)
    np.testing.assert_allclose(AFFINE, source.grid(0).affine)


@pytest.mark.data
def test_the_published_hippocampus_is_read_alike(manual_dir, tmp_path):
    """Ten cases from folders, against the prepared data set."""
    import tarfile

    from jaxmed.data import catalogue

    with tarfile.open(manual_dir / "msd_hippocampus.tar.xz") as files:
        wanted = [
            member
            for member in files
            if "unpaired" not in member.name and member.name.endswith("0.nii.gz")
        ]
        files.extractall(tmp_path, wanted, filter="data")
    root = tmp_path / "msd_hippocampus"
    classes = catalogue.entry("hippocampus").classes
    source = from_masks(
        root / "images", root / "labels", classes=classes, shape=(48, 64, 48), spacing=(1, 1, 1)
    )
    assert len(source) > 10
    for row in range(0, len(source), 9):
        grid, example = source.grid(row), source[row]
        stored = nibabel.load(root / "labels" / grid.path.name)
        back = to_grid(np.maximum(example["label"], 0), grid)
        np.testing.assert_array_equal(back, np.asarray(stored.dataobj))
        np.testing.assert_allclose(grid.affine, stored.affine)
        assert (example["label"] >= 0).sum() == np.prod(stored.shape)
