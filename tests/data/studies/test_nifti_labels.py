"""Labels written as NIfTI, read back by nibabel and from the bytes of the header."""

import gzip

import nibabel
import numpy as np
import pytest

from jaxmed.data import write_nifti

RNG = np.random.default_rng(0)
_turned = np.linalg.qr([[-9.0, 1, 2], [1, 8, -2], [2, 1, 9]])[0]
OBLIQUE = np.eye(4)
OBLIQUE[:3] = np.c_[_turned * [1.9, 2.8, 3.9], [90.5, -126.0, -72.25]]


def _scan(path, shape=(4, 5, 6), kind=nibabel.Nifti1Image, dtype=np.int16, **changes):
    """A scan with all that a header can hold."""
    values = RNG.integers(0, 1000, shape).astype(dtype)
    image = kind(values, OBLIQUE)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"Name^Of^P1"
    image.header["cal_max"] = 500
    image.header.set_slope_inter(2, -1000)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Name^Of^P1"))
    for name, value in changes.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5), (4, 1, 6), (4, 5, 6, 1)])
def test_labels_lie_exactly_on_the_scan(tmp_path, shape, suffix, kind):
    scan = _scan(tmp_path / f"scan{suffix}", shape, kind)
    labels = RNG.integers(0, 256, shape)
    write_nifti(labels, like=scan, path=tmp_path / f"out{suffix}")
    found, image = nibabel.load(tmp_path / f"out{suffix}"), nibabel.load(scan)
    assert type(found) is kind
    assert found.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(found.dataobj), labels)
    np.testing.assert_array_equal(found.affine, image.affine)
    for name in ("get_qform", "get_sform"):
        for ours, theirs in zip(
            *(getattr(each.header, name)(coded=True) for each in (found, image)), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert found.header.get_xyzt_units() == ("mm", "sec")
    assert found.header.get_zooms() == image.header.get_zooms()
    assert found.header.get_intent()[0] == "label"
    assert found.header.get_slope_inter() == (None, None)
    assert found.header["cal_max"] == 0


def test_nothing_that_may_name_the_patient_is_kept(tmp_path):
    scan = _scan(tmp_path / "scan.nii", db_name=b"P1", aux_file=b"P1", intent_name=b"P1")
    assert b"P1" in scan.read_bytes()
    write_nifti(np.zeros((4, 5, 6), np.int8), like=scan, path=tmp_path / "out.nii")
    assert b"P1" not in (tmp_path / "out.nii").read_bytes()


@pytest.mark.parametrize("codes", [{"sform_code": 0}, {"qform_code": 0}, {"sform_code": 4}])
def test_the_codes_of_both_affines_are_kept(tmp_path, codes):
    path = tmp_path / "scan.nii"
    image = nibabel.Nifti1Image(np.zeros((3, 4, 5), np.uint8), None)
    image.set_qform(np.diag([2.0, 3, 4, 1]), code=1)
    image.set_sform(OBLIQUE, code=2)
    for name, value in codes.items():
        image.header[name] = value
    path.write_bytes(image.header.binaryblock + bytes(4) + bytes(60))
    write_nifti(np.ones((3, 4, 5), bool), like=path, path=tmp_path / "out.nii")
    ours, theirs = (nibabel.load(each) for each in (tmp_path / "out.nii", path))
    np.testing.assert_array_equal(ours.affine, theirs.affine)
    ours, theirs = ((tmp_path / "out.nii").read_bytes(), path.read_bytes())
    for first, last in ((76, 108), (252, 328)):  # pixdim; qform, sform and their codes
        assert ours[first:last] == theirs[first:last]


def test_a_big_endian_scan(tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_shape((3, 4, 5))
    header.set_data_dtype(np.dtype(">i2"))
    header.set_sform(OBLIQUE, 1)
    (tmp_path / "scan.nii").write_bytes(header.binaryblock + bytes(4) + bytes(120))
    labels = RNG.integers(0, 3, (3, 4, 5)).astype(np.int8)
    write_nifti(labels, like=tmp_path / "scan.nii", path=tmp_path / "out.nii")
    found = nibabel.load(tmp_path / "out.nii")
    np.testing.assert_array_equal(np.asarray(found.dataobj), labels)
    np.testing.assert_allclose(found.affine, OBLIQUE, rtol=1e-6)


def test_equal_labels_are_equal_bytes_and_the_scan_stays(tmp_path):
    scan = _scan(tmp_path / "scan.nii.gz")
    before = scan.read_bytes()
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(np.ones((4, 5, 6), np.int64), like=scan, path=tmp_path / "new" / name)
    ours, again = ((tmp_path / "new" / name).read_bytes() for name in ("a.nii.gz", "b.nii.gz"))
    assert ours == again
    assert len(gzip.decompress(ours)) == 352 + 120
    assert scan.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.nii.gz", "b.nii.gz"]


@pytest.mark.parametrize(
    ("labels", "name", "message"),
    [
        (np.zeros((4, 5, 7), int), "out.nii", r"labels has shape \(4, 5, 7\), but .* \(4, 5, 6\)"),
        (np.zeros((4, 5, 6)), "out.nii", "labels is an array of shape .* whole numbers: take"),
        (np.full((4, 5, 6), -1), "out.nii", "labels holds numbers from -1 to -1, but must hold 0"),
        (np.full((4, 5, 6), 256), "out.nii", "labels holds numbers from 256 to 256, but must"),
        (np.zeros((4, 5, 6), int), "scan.nii", "which is the input, but must be another file"),
        (np.zeros((4, 5, 6), int), "link.nii", "which is the input, but must be another file"),
        (np.zeros((4, 5, 6), int), "hard.nii", "which is the input, but must be another file"),
        (np.zeros((4, 5, 6), int), "a/../scan.nii", "which is the input, but must be another"),
        (np.zeros((4, 5, 6), int), "out.img", "must end with .nii or .nii.gz: rename it"),
        (np.zeros((4, 5, 6), int), "folder.nii", "which is a folder: pass the path of a file"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(tmp_path, labels, name, message):
    scan = _scan(tmp_path / "scan.nii")
    (tmp_path / "a").mkdir()
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "link.nii").symlink_to(scan)
    (tmp_path / "hard.nii").hardlink_to(scan)
    before = scan.read_bytes()
    with pytest.raises(ValueError, match=message):
        write_nifti(labels, like=scan, path=tmp_path / name)
    assert scan.read_bytes() == before
    assert not (tmp_path / "out.nii").exists()
