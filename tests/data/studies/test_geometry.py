"""The way from the axes of a file to those of an example and back, against nibabel."""

import itertools

import nibabel
import numpy as np
import pytest
import written_dicom as written
from nibabel.affines import apply_affine

from jaxmed.data.studies import dicom, dicom_series, nifti
from jaxmed.data.studies.geometry import Geometry

RNG = np.random.default_rng(0)
ORIENTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 1, 5), (3, 4), (3, 4, 5, 1)])
def test_all_48_orientations_go_there_and_back(shape, tmp_path):
    values = RNG.normal(size=shape).astype(np.float32)
    three = (*shape, 1, 1)[:3]
    turn = np.cos(0.2), np.sin(0.2)
    tilt = np.array([[1, 0, 0], [0, turn[0], -turn[1]], [0, turn[1], turn[0]]])
    for order, signs in ORIENTATIONS:
        affine = np.eye(4)
        affine[:3, :3] = tilt @ (np.eye(3)[:, order] * signs * (0.5, 0.7, 3.0))
        affine[:3, 3] = 5, -7, 9
        path = tmp_path / "a.nii"
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
        volume, geometry = nifti.read_nifti(path), nifti.read_geometry(path)
        assert geometry.shape == shape
        assert geometry.lengths == volume.values.shape
        np.testing.assert_allclose(geometry.spacing, volume.spacing, rtol=1e-6)
        np.testing.assert_allclose(geometry.affine, affine, rtol=1e-6)
        np.testing.assert_array_equal(geometry.from_file(values), volume.values)
        np.testing.assert_array_equal(geometry.to_file(volume.values), values)
        canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(values.reshape(three), affine))
        ends = [(n - 1, 0) for n in canonical.shape[:2]] + [(0, canonical.shape[2] - 1)]
        places = np.array(list(itertools.product(*ends[::-1])))[:, ::-1]
        theirs = apply_affine(canonical.affine, places)
        np.testing.assert_allclose(geometry.corners(), theirs, atol=1e-4)


def test_units_of_meters_are_mm(tmp_path):
    image = nibabel.Nifti1Image(np.zeros((2, 3, 4), np.uint8), np.diag([0.002, 0.001, 0.003, 1]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    geometry = nifti.read_geometry(tmp_path / "a.nii")
    np.testing.assert_allclose(geometry.affine, np.diag([2, 1, 3, 1]), rtol=1e-6)
    np.testing.assert_allclose(geometry.spacing, (3, 1, 2), rtol=1e-6)


def test_dicom_series_lie_as_their_positions_say(tmp_path):
    pixels = RNG.integers(0, 99, (4, 6, 5))
    paths = written.write_series(
        tmp_path, pixels, origin=(10, -20, 30), spacing=(0.5, 0.7), step=2, names="dbca"
    )
    files = [dicom.parse_header(path, dicom.read_header(path)) for path in paths]
    geometry = dicom_series.series_geometry(files)
    assert geometry.shape == geometry.lengths == (4, 6, 5)
    assert [frame.path for frame in geometry.frames] == paths
    for slice_, row, column in ((0, 0, 0), (3, 5, 4), (1, 2, 3)):
        dicoms = np.array([10 + 0.7 * column, -20 + 0.5 * row, 30 + 2 * slice_])
        found = geometry.affine @ (slice_, row, column, 1)
        np.testing.assert_allclose(found[:3], dicoms * (-1, -1, 1), rtol=1e-6)
    np.testing.assert_array_equal(
        geometry.from_file(pixels), dicom_series.read_series(files).values
    )
    np.testing.assert_array_equal(geometry.to_file(geometry.from_file(pixels)), pixels)


def test_images_stay_as_they_are(tmp_path):
    path = written.write_image(tmp_path / "a.dcm", np.zeros((3, 4)), PixelSpacing=[0.2, 0.3])
    geometry = dicom_series.image_geometry(dicom.parse_header(path, dicom.read_header(path)))
    values = RNG.normal(size=(3, 4))
    assert geometry.lengths == (3, 4)
    assert geometry.spacing == (0.2, 0.3)
    assert geometry.corners() is None
    np.testing.assert_array_equal(geometry.to_file(geometry.from_file(values)), values)
    assert Geometry((3, 4)).spacing is None
