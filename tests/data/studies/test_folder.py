"""The scans of a folder: each once, with its names, and unreadable files apart."""

import numpy as np
import pytest
import written_dicom as written

from jaxmed.data.studies.folder import find_scans


def test_every_scan_is_found_once_with_its_names(tmp_path):
    written.write_series(tmp_path / "p1" / "head", np.zeros((3, 2, 2)), patient="P1", study="s")
    written.write_series(tmp_path / "p2" / "head", np.zeros((4, 2, 2)), patient="P2", study="s")
    (tmp_path / "p2" / "broken.dcm").write_bytes(b"broken")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "x.dcm").write_bytes(b"ignored")
    scans, unread = find_scans(tmp_path, axes=3, keep=None)
    assert [scan.patient for scan in scans] == ["P1", "P2"]
    assert [scan.files for scan in scans] == [3, 4]
    assert scans[0].names["path"] == "p1/head"
    assert scans[0].names["sub-folder"] == "p1"
    assert scans[0].names["StudyInstanceUID"] == written.uid("P1", "s")
    assert list(unread) == [tmp_path / "p2" / "broken.dcm"]
    assert scans[1].read().values.shape == (4, 2, 2)


def test_a_folder_of_two_series_gives_neither_its_name(tmp_path):
    written.write_series(tmp_path / "p" / "x", np.zeros((3, 2, 2)), series="a")
    names = [f"b{number}.dcm" for number in range(3)]
    written.write_series(tmp_path / "p" / "x", np.zeros((3, 2, 2)), series="b", names=names)
    scans, _ = find_scans(tmp_path, axes=3, keep=None)
    assert len(scans) == 2
    assert all("path" not in scan.names for scan in scans)
    kept, _ = find_scans(
        tmp_path,
        axes=3,
        keep=lambda header: header.SeriesInstanceUID == scans[0].names["SeriesInstanceUID"],
    )
    assert [scan.path for scan in kept] == [scans[0].path]
    assert kept[0].names["path"] == "p/x"


def test_an_incomplete_series_is_a_scan_with_an_error(tmp_path):
    paths = written.write_series(tmp_path / "a", np.zeros((5, 2, 2)))
    paths[2].unlink()
    (scan,), unread = find_scans(tmp_path, axes=3, keep=None)
    assert "get the missing slices" in scan.error
    assert not unread


def test_another_kind_of_scan_is_refused(tmp_path):
    written.write_image(tmp_path / "a.dcm", np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"a\.dcm is one image, but shape is \(depth, height"):
        find_scans(tmp_path, axes=3, keep=None)
