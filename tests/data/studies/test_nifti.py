"""NIfTI files: real ones of the nibabel wheel, against nibabel's own canonical arrays."""

import gzip
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from jaxmed.data import read_nifti
from jaxmed.data.studies import nifti

RNG = np.random.default_rng(0)
REAL = Path(nibabel.__file__).parent / "tests" / "data"


def _canonical(image):
    """Nibabel's values to the right, front and head, turned to ours: [depth, height, width]."""
    turned = nibabel.as_closest_canonical(image)
    return turned.get_fdata()[::-1, ::-1].transpose(2, 1, 0), turned.header.get_zooms()[::-1]


@pytest.mark.parametrize("name", ["anatomical.nii", "reoriented_anat_moved.nii", "standard.nii.gz"])
def test_real_files_are_nibabels(name):
    found = read_nifti(REAL / name)
    values, spacing = _canonical(nibabel.load(REAL / name))
    assert found.values.dtype == np.float32
    assert values.max() > values.min()
    np.testing.assert_array_equal(found.values, values.astype(np.float32))
    np.testing.assert_allclose(found.spacing, spacing, rtol=1e-6)
    assert nifti.read_shape(REAL / name) == nibabel.load(REAL / name).shape


@pytest.mark.parametrize("name", ["example4d.nii.gz", "example_nifti2.nii.gz"])
def test_one_volume_of_a_real_oblique_series(name, tmp_path):
    """The scanner was tilted by nine degrees: the nearest axes are named, nothing is resampled."""
    with pytest.raises(ValueError, match=rf"{name} has shape .*, 2\), but must have three axes"):
        read_nifti(REAL / name)
    image = nibabel.load(REAL / name).slicer[..., 1]
    nibabel.save(image, tmp_path / "one.nii.gz")
    found = read_nifti(tmp_path / "one.nii.gz")
    values, spacing = _canonical(image)
    np.testing.assert_array_equal(found.values, values.astype(np.float32))
    np.testing.assert_allclose(found.spacing, spacing, rtol=1e-5)


def _saved(path, values, affine=None, *, unit="mm", kind=nibabel.Nifti1Image, scale=None):
    image = kind(values, np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    if scale:
        image.header.set_slope_inter(*scale)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_slope_intercept_and_sixteen_bits_by_hand(kind, tmp_path):
    """Slope and intercept are put into the header's bytes, so that nibabel cannot undo them."""
    stored = RNG.integers(0, 2**16, (3, 4, 5)).astype(np.uint16)
    path = _saved(tmp_path / "a.nii", stored, kind=kind)
    content = bytearray(path.read_bytes())
    offset, number = (112, "<f4") if kind is nibabel.Nifti1Image else (176, "<f8")
    scale = np.array([0.5, -1000], number).tobytes()
    content[offset : offset + len(scale)] = scale
    path.write_bytes(content)
    found = read_nifti(path)
    expected = stored.astype(np.float32)[::-1, ::-1].transpose(2, 1, 0) * 0.5 - 1000
    np.testing.assert_array_equal(found.values, expected)
    assert found.spacing == (4, 3, 2)


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1), ("meter", 1000), ("micron", 1e-3), (0, 1)])
def test_units_become_mm(unit, mm, tmp_path):
    path = _saved(tmp_path / "a.nii", np.zeros((2, 2, 2), np.uint8), unit=unit)
    np.testing.assert_allclose(read_nifti(path).spacing, (4 * mm, 3 * mm, 2 * mm))


def test_a_single_slice_is_an_image(tmp_path):
    values = RNG.normal(size=(5, 7)).astype(np.float32)
    for shape, spacing in (((5, 7), (3, 2)), ((5, 7, 1), (3, 2)), ((1, 5, 7), (4, 3))):
        path = _saved(tmp_path / "a.nii", values.reshape(shape))
        found = read_nifti(path)
        assert found.spacing == spacing
        np.testing.assert_array_equal(np.sort(found.values.ravel()), np.sort(values.ravel()))
        assert len(nifti.read_shape(path)) == 2
    np.testing.assert_array_equal(found.values, values[::-1].T)


def test_a_real_file_with_nan_is_refused():
    with pytest.raises(ValueError, match=r"holds NaN or infinity in 153 of 1071 voxels"):
        read_nifti(REAL / "resampled_anat_moved.nii")


def test_left_and_right_must_be_known(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), None)
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(ValueError, match=r"has no orientation .* left and right are unknown"):
        read_nifti(tmp_path / "a.nii")


def test_shear_colors_and_complex_numbers_are_refused(tmp_path):
    sheared = np.diag([1.0, 1.0, 1.0, 1.0])
    sheared[0, 2] = 0.5
    with pytest.raises(ValueError, match=r"a\.nii: two axes are 63\.4 degrees apart"):
        read_nifti(_saved(tmp_path / "a.nii", np.zeros((2, 2, 2), np.uint8), sheared))
    with pytest.raises(ValueError, match="holds complex64 values"):
        read_nifti(_saved(tmp_path / "c.nii", np.zeros((2, 2, 2), np.complex64)))
    color = np.zeros((2, 2, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(ValueError, match="must hold one real number per voxel"):
        read_nifti(_saved(tmp_path / "rgb.nii", color))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kept", [0, 60, 0.5, 0.99])
def test_files_that_are_cut_off(name, kept, tmp_path):
    path = _saved(tmp_path / name, RNG.normal(size=(9, 9, 9)).astype(np.float32))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(ValueError, match=r"(is cut off|cannot be read as NIfTI)"):
        nifti.read_shape(path)
    with pytest.raises(ValueError, match=r"(is cut off|cannot be read as NIfTI)"):
        read_nifti(path)


def test_a_file_packed_in_two_parts_is_whole(tmp_path):
    path = _saved(tmp_path / "a.nii", np.ones((4, 4, 4), np.float32))
    content = path.read_bytes()
    packed = tmp_path / "a.nii.gz"
    packed.write_bytes(gzip.compress(content[:500]) + gzip.compress(content[500:]))
    assert nifti.read_shape(packed) == (4, 4, 4)
    assert read_nifti(packed).values.sum() == 64


def test_what_is_no_nifti(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_nifti(tmp_path / "none.nii")
    (tmp_path / "a.nii").write_text("text" * 200)
    with pytest.raises(ValueError, match=r"a\.nii cannot be read as NIfTI"):
        read_nifti(tmp_path / "a.nii")
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jaxmed\[imaging\]'"):
        read_nifti(REAL / "anatomical.nii")
