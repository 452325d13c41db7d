"""Folders of studies: what comes out of them, and what is refused."""

import pickle
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import written_dicom as written
import written_studies as studies
from written_studies import CLASSES, SHAPE, WINDOW

from jaxmed.data import Source, columns, from_studies, stratified_split, subset
from jaxmed.runs import record

RNG = np.random.default_rng(0)
REAL = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"


@pytest.fixture
def folder(tmp_path):
    return studies.write_studies(tmp_path / "studies")


# What comes out


def test_volumes_labels_and_patients(folder, tmp_path):
    path, pixels = folder
    rows = [(name, CLASSES[number % 2], "-") for number, name in enumerate(pixels)]
    source = from_studies(
        path, shape=SHAPE, window=WINDOW, labels=studies.write_labels(tmp_path / "l.csv", rows)
    )
    assert isinstance(source, Source)
    assert source.classes == CLASSES
    assert not source.skipped
    assert set(source[0]) == {"image", "label", "group", "id"}
    read = columns(source)
    order = sorted(pixels)
    np.testing.assert_array_equal(
        read["image"][..., 0], [studies.gray_levels(pixels[name]) for name in order]
    )
    assert read["image"].dtype == np.uint8
    np.testing.assert_array_equal(read["label"], [list(pixels).index(name) % 2 for name in order])
    np.testing.assert_array_equal(read["group"], [0, 1, 1, 2, 2, 3])
    np.testing.assert_array_equal(read["id"], range(6))


def test_no_patient_is_in_two_splits(folder, tmp_path):
    path, pixels = folder
    rows = [(name, CLASSES[name.endswith("2")], "-") for name in pixels]
    source = from_studies(
        path, shape=SHAPE, window=WINDOW, labels=studies.write_labels(tmp_path / "l.csv", rows)
    )
    read = columns(source)
    parts = stratified_split(read["label"], (0.5, 0.5), seed=0, group=read["group"])
    groups = [set(columns(subset(source, part))["group"].tolist()) for part in parts]
    assert all(groups)
    assert not groups[0] & groups[1]


def test_values_without_a_window_are_units(folder):
    path, pixels = folder
    read = columns(from_studies(path, shape=(6, 6, 5), spacing=(1, 1, 1)))
    assert read["image"].dtype == np.float32
    image = read["image"][0, ..., 0]
    np.testing.assert_array_equal(image[1:5], pixels["p1/1"])
    np.testing.assert_array_equal(image[[0, 5]], pixels["p1/1"].min())
    assert "label" not in read


def test_spacing_then_grid(tmp_path):
    """A ramp of 2 mm slices, read at 1 mm: the ramp at half the steps, the centre in the centre."""
    ramp = np.broadcast_to(100 * np.arange(8)[:, None, None], (8, 4, 4))
    written.write_series(tmp_path / "a", ramp, step=2)
    source = from_studies(tmp_path, shape=(10, 2, 6), spacing=(1, 1, 1))
    image = source[0]["image"][..., 0]
    np.testing.assert_allclose(image[:, 0, 2], np.arange(125, 601, 50), rtol=1e-6)
    np.testing.assert_array_equal(image[:, :, [0, 5]], 0)  # outside: the lowest value of the whole
    whole = from_studies(tmp_path, shape=(4, 2, 6))[0]["image"]
    assert whole.shape == (4, 2, 6, 1)


def test_dicom_and_nifti_beside_each_other(folder, tmp_path):
    path, pixels = folder
    values = RNG.integers(-300, 400, SHAPE)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    nifti = nibabel.Nifti1Image(values.transpose(2, 1, 0).astype(np.int16), affine)
    nibabel.save(nifti, path / "p5.nii.gz")
    labels = studies.write_labels(
        tmp_path / "l.csv", studies.rows([*pixels, "p5"]), patient="patient"
    )
    read = columns(from_studies(path, shape=SHAPE, window=WINDOW, labels=labels))
    np.testing.assert_array_equal(read["image"][-1, ..., 0], studies.gray_levels(values))
    np.testing.assert_array_equal(read["group"], [0, 1, 1, 2, 2, 3, 4])
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows([*pixels, "p5"]))
    with pytest.raises(
        ValueError, match=r"p5\.nii\.gz does not name its patient, .*patient=\.\.\."
    ):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)
    assert "group" not in columns(from_studies(path, shape=SHAPE, window=WINDOW))


def test_real_x_rays_are_inverted():
    """MONOCHROME1, 16 bits, slope 0.684 and intercept 200."""
    folder = REAL / "77654033"
    source = from_studies(
        folder,
        shape=(16, 16),
        window=(1600, 2800),
        keep=lambda header: header.Modality == "CR",
    )
    assert len(source) == 3
    for row, name in enumerate(("CR1/6154", "CR2/6247", "CR3/6278")):
        units = pydicom.dcmread(folder / name).pixel_array * 0.684 + 200
        shades = 255 * (1 - np.clip((units - 200) / 2800, 0, 1))
        assert np.ptp(shades) > 5
        np.testing.assert_allclose(source[row]["image"][..., 0], shades, atol=0.51)
        assert source[row]["group"] == 0
    with pytest.raises(ValueError, match=r"6154 shows low values as bright .* pass window="):
        from_studies(folder, shape=(16, 16), keep=lambda header: header.Modality == "CR")


def test_slices_are_images_where_each_has_a_label(folder, tmp_path):
    path, pixels = folder
    with pytest.raises(ValueError, match=r"slices of one volume, but shape is \(height, width\)"):
        from_studies(path, shape=(6, 5), window=WINDOW)
    rows = [(f"{name}/{number:03}", "none", "-") for name in pixels for number in range(4)]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    read = columns(from_studies(path, shape=(6, 5), window=WINDOW, labels=labels))
    assert read["image"].shape == (24, 6, 5, 1)
    np.testing.assert_array_equal(read["image"][1, ..., 0], studies.gray_levels(pixels["p1/1"][1]))
    whole = studies.write_labels(tmp_path / "l.csv", studies.rows(["P1", "P2", "P3", "P4"]))
    with pytest.raises(ValueError, match="slices of one volume"):
        from_studies(path, shape=(6, 5), window=WINDOW, labels=whole)


def test_it_travels_to_other_processes_and_tells_nothing_of_paths(folder):
    source = from_studies(folder[0], shape=SHAPE, window=WINDOW)
    again = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(again[3]["image"], source[3]["image"])
    assert repr(source) == "Studies(6 of shape (4, 6, 5))"
    assert record.jsonable(source) == repr(source)
    np.testing.assert_array_equal(source[-1]["id"], 5)


# What is refused


def test_volumes_and_images_are_not_confused(folder, tmp_path):
    path, _ = folder
    written.write_image(path / "scout.dcm", np.zeros((6, 5)), patient="P1")
    with pytest.raises(ValueError, match=r"scout\.dcm is one image, but shape is \(depth"):
        from_studies(path, shape=SHAPE, window=WINDOW)
    flat = tmp_path / "flat"
    written.write_enhanced(
        flat / "a.dcm", np.zeros((2, 3, 3)), [(0, 0, 0), (0, 0, 1)], slopes=[1, 1]
    )
    with pytest.raises(ValueError, match=r"a\.dcm has 2 frames, but shape is \(height, width"):
        from_studies(flat, shape=(3, 3), window=WINDOW)
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)), flat / "b.nii")
    (flat / "a.dcm").unlink()
    with pytest.raises(ValueError, match=r"b\.nii has 3 axes longer than 1"):
        from_studies(flat, shape=(3, 3), window=WINDOW)
    with pytest.raises(ValueError, match="are slices of one volume"):
        from_studies(REAL / "98892001" / "CT5N", shape=(16, 16), window=WINDOW)


def test_arguments(folder, tmp_path):
    path, _ = folder
    with pytest.raises(ValueError, match=r"shape is \(4,\), but must be"):
        from_studies(path, shape=(4,))
    with pytest.raises(ValueError, match=r"spacing is \(1, 1\), but must be one number of mm"):
        from_studies(path, shape=SHAPE, spacing=(1, 1))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        from_studies(tmp_path / "none", shape=SHAPE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no readable study: no file is DICOM"):
        from_studies(tmp_path / "empty", shape=SHAPE)
    written.write_image(tmp_path / "x" / "x.dcm", np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"x\.dcm: the file has no spacing in mm"):
        from_studies(tmp_path / "x", shape=(3, 3), spacing=(1, 1))[0]
