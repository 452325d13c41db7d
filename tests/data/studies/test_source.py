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
from jaxmed.data.studies import window
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
    assert not source.left_out
    assert set(source[0]) == {"image", "label", "group", "id"}
    read = columns(source)
    order = sorted(pixels)
    np.testing.assert_array_equal(
        read["image"][..., 0], [studies.shades(pixels[name]) for name in order]
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


NAMES = {
    "path": (lambda name: name, None),
    "windows path": (lambda name: name.replace("/", "\\") + "\\", None),
    "StudyInstanceUID": (lambda name: written.uid(name[:2].upper(), name[3:]), None),
    "SeriesInstanceUID": (lambda name: written.uid(name[:2].upper(), name[3:], "series"), None),
    "sub-folder": (lambda name: name[:2], "1"),
    "PatientID": (lambda name: name[:2].upper(), "1"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_labels_name_studies_in_many_ways(kind, folder, tmp_path):
    path, pixels = folder
    name_of, only = NAMES[kind]
    wanted = None
    if only:  # of patients with one study
        pixels = {name: values for name, values in pixels.items() if name.endswith(only)}
        uids = {str(written.uid(name[:2].upper(), only)) for name in pixels}
        wanted = lambda header: header.StudyInstanceUID in uids  # noqa: E731
    rows = [(name_of(name), CLASSES[name < "p3"], "-") for name in pixels]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    source = from_studies(path, shape=SHAPE, window=WINDOW, labels=labels, wanted=wanted)
    read = columns(source)
    order = sorted(pixels)
    np.testing.assert_array_equal(read["label"], [name < "p3" for name in order])
    np.testing.assert_array_equal(
        read["image"][..., 0], [studies.shades(pixels[name]) for name in order]
    )


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
    np.testing.assert_array_equal(read["image"][-1, ..., 0], studies.shades(values))
    np.testing.assert_array_equal(read["group"], [0, 1, 1, 2, 2, 3, 4])
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows([*pixels, "p5"]))
    with pytest.raises(ValueError, match=r"p5\.nii\.gz does not say whose it is, .*patient=\.\.\."):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)
    assert "group" not in columns(from_studies(path, shape=SHAPE, window=WINDOW))


def test_real_x_rays_are_inverted():
    """MONOCHROME1, 16 bits, slope 0.684 and intercept 200."""
    folder = REAL / "77654033"
    source = from_studies(
        folder,
        shape=(16, 16),
        window=(1600, 2800),
        wanted=lambda header: header.Modality == "CR",
    )
    assert len(source) == 3
    for row, name in enumerate(("CR1/6154", "CR2/6247", "CR3/6278")):
        units = pydicom.dcmread(folder / name).pixel_array * 0.684 + 200
        shades = 255 * (1 - np.clip((units - 200) / 2800, 0, 1))
        assert np.ptp(shades) > 5
        np.testing.assert_allclose(source[row]["image"][..., 0], shades, atol=0.51)
        assert source[row]["group"] == 0
    with pytest.raises(ValueError, match=r"6154 shows low values as bright .* pass window="):
        from_studies(folder, shape=(16, 16), wanted=lambda header: header.Modality == "CR")


def test_images_share_the_label_of_their_patient(tmp_path):
    for patient, view in (("A", "left"), ("A", "right"), ("B", "left")):
        written.write_image(
            tmp_path / f"{patient}_{view}.dcm",
            RNG.integers(0, 9, (6, 5)),
            patient=patient,
            series=view,
        )
    labels = studies.write_labels(tmp_path / "l.csv", [("B", "none", "-"), ("A", "bleed", "-")])
    limits = window.percentiles(0, 100)
    read = columns(from_studies(tmp_path, shape=(6, 5), window=limits, labels=labels))
    np.testing.assert_array_equal(read["label"], [1, 1, 0])
    np.testing.assert_array_equal(read["group"], [0, 0, 1])
    assert read["image"].shape == (3, 6, 5, 1)
    np.testing.assert_array_equal(read["image"].max((1, 2, 3)), 255)


def test_slices_are_images_where_each_has_a_label(folder, tmp_path):
    path, pixels = folder
    with pytest.raises(ValueError, match=r"slices of one volume, but shape is \(height, width\)"):
        from_studies(path, shape=(6, 5), window=WINDOW)
    rows = [(f"{name}/{number:03}", "none", "-") for name in pixels for number in range(4)]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    read = columns(from_studies(path, shape=(6, 5), window=WINDOW, labels=labels))
    assert read["image"].shape == (24, 6, 5, 1)
    np.testing.assert_array_equal(read["image"][1, ..., 0], studies.shades(pixels["p1/1"][1]))
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


def test_volumes_and_images_are_not_mistaken_for_each_other(folder, tmp_path):
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


def test_labels_that_do_not_match_name_studies_of_both_sides(folder, tmp_path):
    path, pixels = folder
    names = [name for name in pixels if name != "p3/2"]
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows([*names, "p8/1", "p9/1"]))
    with pytest.raises(
        ValueError,
        match=r"l\.csv does not match the studies by path: studies without a row "
        r"1 \('p3/2'\), rows without a study 2 \('p8/1', 'p9/1'\)\. Label every",
    ):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows(["x", "y"]))
    with pytest.raises(
        ValueError, match=r"l\.csv names its studies 'x', 'y', .* path 'p1/1', 'p2/1'"
    ):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)


def test_file_names_that_several_share_name_nothing(tmp_path):
    """Two files called 1.dcm are two images: neither gets the other's label."""
    for patient in "AB":
        written.write_image(tmp_path / patient / "1.dcm", np.zeros((3, 3)), patient=patient)
    labels = studies.write_labels(tmp_path / "l.csv", [("1", "none", "-")])
    with pytest.raises(ValueError, match="names its studies '1', and no study is called that"):
        from_studies(tmp_path, shape=(3, 3), window=WINDOW, labels=labels)


def test_several_series_of_one_label(folder, tmp_path):
    path, pixels = folder
    written.write_series(
        path / "p1" / "1b", np.zeros(SHAPE), patient="P1", study="1", series="second"
    )
    rows = [(written.uid(name[:2].upper(), name[3:]), "none", "-") for name in pixels]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    with pytest.raises(ValueError, match=r"1b.* and .*p1/1/.* of two series, but have one row"):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)


BAD_LABELS = {
    "twice": ([("a", "none", "p"), ("a", "bleed", "p")], {}, "repeats 'a' in row 1, but one row"),
    "empty": ([("", "none", "p")], {}, "column 'study' is empty in row 0"),
    "class": ([("a", "?", "p")], {}, r"holds '\?' in row 0, which is not among classes"),
    "column": ([("a", "none", "p")], {"patient": "pat"}, "patient names the column 'pat'"),
    "nobody": ([("a", "none", "")], {"patient": "patient"}, "column 'patient' is empty in row 0"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_tables_of_labels(case, tmp_path):
    rows, changes, message = BAD_LABELS[case]
    with pytest.raises(ValueError, match=message):
        studies.write_labels(tmp_path / "l.csv", rows, **changes)


def test_measured_labels(tmp_path):
    labels = studies.write_labels(tmp_path / "l.csv", [("a", "0.5", "p")], classes=None)
    assert labels.label.dtype == np.float32
    assert labels.classes == ()


def test_arguments(folder, tmp_path):
    path, _ = folder
    with pytest.raises(ValueError, match=r"shape is \(4,\), but must be"):
        from_studies(path, shape=(4,))
    with pytest.raises(ValueError, match=r"spacing is \(1, 1\), but must be one number of mm"):
        from_studies(path, shape=SHAPE, spacing=(1, 1))
    with pytest.raises(FileNotFoundError, match="no such folder"):
        from_studies(tmp_path / "none", shape=SHAPE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no study that can be read: no file is DICOM"):
        from_studies(tmp_path / "empty", shape=SHAPE)
    written.write_image(tmp_path / "x" / "x.dcm", np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"x\.dcm: the file does not say its spacing in mm"):
        from_studies(tmp_path / "x", shape=(3, 3), spacing=(1, 1))[0]
