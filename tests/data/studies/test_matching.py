"""Which row of the labels belongs to which study: every kind of name, and what is refused."""

import numpy as np
import pytest
import written_dicom as written
import written_studies as studies
from written_studies import CLASSES, SHAPE, WINDOW

from jaxmed.data import columns, from_studies
from jaxmed.data.studies import window

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    return studies.write_studies(tmp_path / "studies")


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
    keep = None
    if only:  # of patients with one study
        pixels = {name: values for name, values in pixels.items() if name.endswith(only)}
        uids = {str(written.uid(name[:2].upper(), only)) for name in pixels}
        keep = lambda header: header.StudyInstanceUID in uids  # noqa: E731
    rows = [(name_of(name), CLASSES[name < "p3"], "-") for name in pixels]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    source = from_studies(path, shape=SHAPE, window=WINDOW, labels=labels, keep=keep)
    read = columns(source)
    order = sorted(pixels)
    np.testing.assert_array_equal(read["label"], [name < "p3" for name in order])
    np.testing.assert_array_equal(
        read["image"][..., 0], [studies.gray_levels(pixels[name]) for name in order]
    )


def test_images_share_the_label_of_their_patient(tmp_path):
    for patient, view in (("A", "left"), ("A", "right"), ("B", "left")):
        written.write_image(
            tmp_path / f"{patient}_{view}.dcm",
            RNG.integers(0, 9, (6, 5)),
            patient=patient,
            series=view,
        )
    labels = studies.write_labels(tmp_path / "l.csv", [("B", "none", "-"), ("A", "bleed", "-")])
    limits = window.percentile_window(0, 100)
    read = columns(from_studies(tmp_path, shape=(6, 5), window=limits, labels=labels))
    np.testing.assert_array_equal(read["label"], [1, 1, 0])
    np.testing.assert_array_equal(read["group"], [0, 0, 1])
    assert read["image"].shape == (3, 6, 5, 1)
    np.testing.assert_array_equal(read["image"].max((1, 2, 3)), 255)


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
        ValueError, match=r"l\.csv names its studies 'x', 'y', .* names are: path 'p1/1', 'p2/1'"
    ):
        from_studies(path, shape=SHAPE, window=WINDOW, labels=labels)


def test_file_names_that_several_share_name_nothing(tmp_path):
    """Two files called 1.dcm are two images: neither gets the other's label."""
    for patient in "AB":
        written.write_image(tmp_path / patient / "1.dcm", np.zeros((3, 3)), patient=patient)
    labels = studies.write_labels(tmp_path / "l.csv", [("1", "none", "-")])
    with pytest.raises(ValueError, match="names its studies '1', but no study has such a name"):
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
