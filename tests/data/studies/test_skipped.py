"""Broken files among valid ones are counted, named and skipped, and no others with them."""

import os

import numpy as np
import pydicom
import pytest
import written_dicom as written
import written_studies as studies
from written_studies import CLASSES, SHAPE, WINDOW

from jaxmed.data import columns, from_studies, read_dicom_series


@pytest.fixture
def folder(tmp_path):
    return studies.write_studies(tmp_path / "studies")


def _skipped(path, **more):
    with pytest.warns(UserWarning, match=r"files are skipped") as seen:
        source = from_studies(path, shape=SHAPE, window=WINDOW, **more)
    (warning,) = seen
    return source, str(warning.message)


def test_broken_files_and_series_are_counted_and_named(folder, tmp_path):
    path, pixels = folder
    (path / "p2" / "2" / "001.dcm").unlink()  # a gap
    whole = (path / "p4" / "1" / "003.dcm").read_bytes()
    (path / "p4" / "1" / "003.dcm").write_bytes(whole[:-10])  # cut off
    (path / "p3" / "1" / "000.dcm").write_bytes(b"\0" * 500)  # a slice of which nothing is known
    (path / "broken.dcm").write_bytes(b"broken")
    (path / "cut.nii.gz").write_bytes(b"\x1f\x8b")
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows([*pixels]))
    source, message = _skipped(path, labels=labels)
    assert "13 of 25 files are skipped" in message  # 3 + 4 + 4 of the series, and 2 alone
    for name in (
        "p2/2/000.dcm lies at 0 mm",
        "003.dcm is cut off",
        "broken.dcm cannot be read as DICOM",
        "cut.nii.gz cannot be read as NIfTI",
    ):
        assert name in message or any(name in reason for reason in source.skipped.values())
    assert "And 1 more, in skipped" in message
    assert len(source.skipped) == 6  # the lost slice, and its series, which may lack it
    read = columns(source)
    np.testing.assert_array_equal(
        read["image"][..., 0],
        [studies.gray_levels(pixels[name]) for name in ("p1/1", "p2/1", "p3/2")],
    )
    np.testing.assert_array_equal(read["id"], range(3))


def test_a_lost_image_takes_its_label_with_it_and_no_other(tmp_path):
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        written.write_image(tmp_path / f"{name}.dcm", np.zeros((6, 5)), patient=name)
    (tmp_path / "07.dcm").write_bytes(b"lost")
    rows = [(name, CLASSES[name > "10"], "-") for name in names]
    labels = studies.write_labels(tmp_path / "l.csv", rows)
    with pytest.warns(
        UserWarning, match=r"1 of 20 files are skipped\. .*07\.dcm cannot be read as DICOM"
    ):
        source = from_studies(tmp_path, shape=(6, 5), window=WINDOW, labels=labels)
    np.testing.assert_array_equal(columns(source)["label"], [n > "10" for n in names if n != "07"])
    (tmp_path / "08.dcm").unlink()  # gone without a trace
    with pytest.raises(ValueError, match=r"without a row 0, rows without a study 2 \('07', '08'\)"):
        from_studies(tmp_path, shape=(6, 5), window=WINDOW, labels=labels)


def test_where_nothing_is_left(tmp_path):
    written.write_image(tmp_path / "a.dcm", np.zeros((3, 3)), PhotometricInterpretation="RGB")
    with pytest.raises(ValueError, match=r"no readable study: .*a\.dcm is in color"):
        from_studies(tmp_path, shape=(3, 3), window=WINDOW)


def test_damage_within_the_pixels_names_the_file(folder):
    source = from_studies(folder[0], shape=SHAPE, window=WINDOW)
    (folder[0] / "p1" / "1" / "002.dcm").write_bytes(b"gone since")
    with pytest.raises(ValueError, match=r"p1/1/002\.dcm cannot be read as DICOM"):
        source[0]
    with pytest.warns(UserWarning, match=r"1 of 6 studies are skipped\. .*p1/1/002\.dcm cannot"):
        rest = source.only_readable()
    assert len(rest) == 5
    assert len(rest.skipped) == 1
    np.testing.assert_array_equal(rest[0]["image"], source[1]["image"])
    np.testing.assert_array_equal([rest[row]["group"] for row in range(5)], [1, 1, 2, 2, 3])
    np.testing.assert_array_equal([rest[row]["id"] for row in range(5)], range(5))
    assert rest.only_readable() is rest


def test_a_broken_image_without_a_label_is_no_matter(folder, tmp_path):
    path, pixels = folder
    scout = written.write_image(path / "p1" / "scout.dcm", np.zeros((6, 5)), patient="P1")
    scout.write_bytes(scout.read_bytes()[:-5])
    labels = studies.write_labels(tmp_path / "l.csv", studies.rows([*pixels]))
    source, message = _skipped(path, labels=labels)
    assert "1 of 25 files are skipped" in message
    np.testing.assert_array_equal(columns(source)["label"], np.zeros(6))


def test_a_tilted_series_is_found_without_its_pixels(folder):
    path, pixels = folder
    for number, file in enumerate(sorted((path / "p2" / "2").glob("*.dcm"))):
        dataset = pydicom.dcmread(file)
        dataset.ImagePositionPatient[1] += 3 * number  # the table moves straight, the slices lean
        dataset.save_as(file)
    source, message = _skipped(path)
    assert "p2/2/000.dcm and the slices beside it: two axes are" in message
    assert len(source) == len(pixels) - 1
    with pytest.raises(ValueError, match=r"as with a tilted gantry.*on_error='skip' leaves them"):
        from_studies(path, shape=SHAPE, window=WINDOW, on_error="raise")


def test_hidden_files_pipes_and_broken_links_beside_a_series(folder):
    path, pixels = folder
    series = path / "p1" / "1"
    (series / "._000.dcm").write_bytes(b"\0\5\x16\7" + bytes(200))
    os.mkfifo(series / "pipe.dcm")
    assert len(from_studies(path, shape=SHAPE, window=WINDOW)) == len(pixels)
    assert len(read_dicom_series(series).values) == len(list(series.glob("0*.dcm")))
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_dicom_series(series / "pipe.dcm")
    (series / "001.dcm").unlink()
    (series / "001.dcm").symlink_to("moved.dcm")
    (series / "notes.txt").symlink_to("nothing")  # no slice by its name
    source, message = _skipped(path)
    assert "p1/1/001.dcm is a link to a file that does not exist" in message
    assert "001.dcm may be one of its slices" in message
    assert "notes.txt" not in message
    assert len(source) == len(pixels) - 1


def test_an_error_of_keep_is_its_callers(folder):
    with pytest.raises(AttributeError, match="NoSuchName") as raised:
        from_studies(folder[0], shape=SHAPE, keep=lambda header: header.NoSuchName)
    assert "000.dcm" in raised.value.__notes__[0]
    with pytest.raises(ValueError, match="on_error is 'ignore', which is unknown"):
        from_studies(folder[0], shape=SHAPE, on_error="ignore")


def test_a_broken_nifti_file_is_no_slice_of_the_series_beside_it(folder):
    path, pixels = folder
    (path / "p1" / "1" / "mask.nii").write_bytes(b"broken")
    source, message = _skipped(path)
    assert "1 of 25 files are skipped" in message
    assert len(source) == len(pixels)
