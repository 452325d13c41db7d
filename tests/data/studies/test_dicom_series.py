"""DICOM series: real ones of the pydicom and nibabel wheels, and written ones."""

import itertools
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import written_dicom as written
from pydicom.data import get_testdata_file

from jaxmed.data import read_dicom_series, read_nifti
from jaxmed.data.studies import dicom, dicom_header, dicom_series

RNG = np.random.default_rng(0)
PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"
REAL = PYDICOM / "dicomdirtests"
NIBABEL = Path(nibabel.__file__).parent / "tests" / "data"


def _real(name):
    return Path(get_testdata_file(name, download=False))


def _parsed(path):
    return dicom.parse_header(path, dicom_header.read_header(path))


def test_a_real_series_stored_from_head_to_feet():
    """Five slices of 2.5 mm, the first file on top; in the standard axial orientation."""
    folder = REAL / "98892001" / "CT5N"
    found = read_dicom_series(folder)
    order = ("3353", "3023", "2693", "2392", "2062")
    files = [pydicom.dcmread(folder / name) for name in order]
    assert found.spacing == pytest.approx((2.5, *files[0].PixelSpacing))
    units = [file.pixel_array * file.RescaleSlope + file.RescaleIntercept for file in files]
    np.testing.assert_array_equal(found.values, np.stack(units).astype(np.float32))


def test_a_real_oblique_series_has_nibabels_geometry():
    stack = dicom_series.sort_slices([_parsed(NIBABEL / name) for name in ("1.dcm", "0.dcm")])
    assert [frame.path.name for frame in stack.frames] == ["0.dcm", "1.dcm"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The DICOM readers are highly experimental")
        from nibabel.nicom import dicomwrappers
    wrapper = dicomwrappers.wrapper_from_file(NIBABEL / "0.dcm")
    rows, columns, _ = wrapper.affine[:3, :3].T
    np.testing.assert_allclose(stack.steps[:, 1], rows, atol=1e-6)
    np.testing.assert_allclose(stack.steps[:, 2], columns, atol=1e-6)
    assert np.linalg.norm(stack.steps[:, 0]) == pytest.approx(3, abs=1e-3)


PLANES = [
    np.concatenate(plane).tolist()
    for plane in itertools.permutations(np.concatenate([np.eye(3), -np.eye(3)]), 2)
    if not np.dot(*plane)
]


@pytest.mark.parametrize("directions", PLANES, ids=str)
def test_every_plane_of_acquisition_gives_the_same_volume(directions, tmp_path):
    """Each voxel holds a number made from where it lies, whichever way it was acquired."""
    directions = np.array(directions)
    normal = np.cross(directions[:3], directions[3:])
    k, row, column = np.meshgrid(range(3), range(4), range(5), indexing="ij")
    ways = k[..., None] * 3 * normal + row[..., None] * 2 * directions[3:]
    places = ways + column[..., None] * directions[:3]  # mm to the left, back and head
    pixels = places @ (1, 20, 400)
    names = [f"{name}.dcm" for name in RNG.permutation(len(pixels))]
    written.write_series(
        tmp_path, pixels, directions=directions, spacing=(2, 1), step=3, names=names
    )
    found = read_dicom_series(tmp_path)
    low = places.min(axis=(0, 1, 2))
    depth, height, width = found.spacing
    z, y, x = np.meshgrid(*(np.arange(n) for n in found.values.shape), indexing="ij")
    wanted = (low[0] + x * width) + 20 * (low[1] + y * height) + 400 * (low[2] + z * depth)
    np.testing.assert_array_equal(found.values, wanted)

    affine = np.eye(4)
    affine[:3, :3] = np.stack([normal * 3, directions[3:] * 2, directions[:3]], axis=1)
    affine[:2] *= -1  # NIfTI's axes run to the right and to the front
    nibabel.save(nibabel.Nifti1Image(pixels.astype(np.int16), affine), tmp_path / "a.nii")
    same = read_nifti(tmp_path / "a.nii")
    np.testing.assert_array_equal(same.values, found.values)
    assert same.spacing == found.spacing


def test_slope_and_intercept_of_each_frame(tmp_path):
    pixels = RNG.integers(-100, 100, (3, 4, 5))
    path = written.write_enhanced(
        tmp_path / "enhanced.dcm",
        pixels,
        [(0, 0, 4), (0, 0, 0), (0, 0, 2)],
        slopes=[2, 3, 0.5],
        spacing=(0.5, 0.25),
    )
    found = read_dicom_series(path)
    wanted = np.stack([3 * pixels[1] - 5, 0.5 * pixels[2] - 5, 2 * pixels[0] - 5])
    np.testing.assert_array_equal(found.values, wanted.astype(np.float32))
    assert found.spacing == (2, 0.5, 0.25)


def test_rounded_positions_are_no_gaps(tmp_path):
    paths = written.write_series(tmp_path, np.zeros((9, 2, 2)), step=0.625)
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.ImagePositionPatient[2] = round(float(dataset.ImagePositionPatient[2]), 1)
        dataset.save_as(path)
    assert read_dicom_series(tmp_path).spacing[0] == 0.625


def test_a_real_gap_is_named_by_its_positions():
    with pytest.raises(
        ValueError,
        match=r"17106 lies at -99\.48 mm and the next slice, 17136, at 103\.02 mm, .*1\.25",
    ):
        read_dicom_series(REAL / "77654033" / "CT2")


def test_a_missing_slice_is_named(tmp_path):
    paths = written.write_series(tmp_path, np.zeros((6, 2, 2)), step=2.5)
    paths[3].unlink()
    with pytest.raises(
        ValueError, match=r"002\.dcm lies at 5 mm .* 004\.dcm, at 10 mm, where others are 2\.5 mm"
    ):
        read_dicom_series(tmp_path)


def test_two_slices_in_one_place(tmp_path):
    paths = written.write_series(tmp_path, np.zeros((4, 2, 2)))
    (tmp_path / "copy.dcm").write_bytes(paths[2].read_bytes())
    with pytest.raises(ValueError, match=r"002\.dcm and copy\.dcm|copy\.dcm and 002\.dcm"):
        read_dicom_series(tmp_path)


def test_a_tilted_gantry_is_refused(tmp_path):
    tilt = np.radians(20)
    directions = (1, 0, 0, 0, np.cos(tilt), -np.sin(tilt))
    for number in range(4):  # the table moves straight, whatever the tilt
        written.write_image(
            tmp_path / f"{number}.dcm",
            np.zeros((2, 2)),
            ImagePositionPatient=[0, 0, 3 * number],
            ImageOrientationPatient=[float(f"{x:.6g}") for x in directions],
            PixelSpacing=[1, 1],
        )
    with pytest.raises(ValueError, match=r"0\.dcm .* 70\.0 degrees apart .* gantry"):
        read_dicom_series(tmp_path)


def _mixed(folder, **changes):
    written.write_series(folder, np.zeros((3, 2, 2)))
    place = {"ImagePositionPatient": [0, 0, 3], "ImageOrientationPatient": list(written.AXIAL)}
    pixels = changes.pop("pixels", np.zeros((2, 2)))
    written.write_image(folder / "odd.dcm", pixels, **(place | {"PixelSpacing": [1, 1]} | changes))


MIXED = {
    "spacing": ({"PixelSpacing": [1, 2]}, r"odd\.dcm has pixels of 1 x 2 mm, but 000\.dcm .*1 x 1"),
    "direction": ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, r"odd\.dcm has another dir"),
    "shape": ({"pixels": np.zeros((2, 3))}, r"odd\.dcm is 2x3, but 000\.dcm of the same .* 2x2"),
    "photometric": ({"PhotometricInterpretation": "MONOCHROME1"}, "bright low values"),
    "position": ({"ImagePositionPatient": None}, r"odd\.dcm has no position"),
    "series": ({"series": "other"}, "holds 2 series of images .*pass the folder of one series"),
}  # fmt: skip


@pytest.mark.parametrize("case", MIXED)
def test_what_is_no_single_volume_is_refused(case, tmp_path):
    changes, message = MIXED[case]
    _mixed(tmp_path, **changes)
    with pytest.raises(ValueError, match=message):
        read_dicom_series(tmp_path)


def test_real_localizers_and_several_series():
    with pytest.raises(ValueError, match=r"has another direction .* as localizers do"):
        read_dicom_series(REAL / "98892001" / "CT2N")
    with pytest.raises(ValueError, match="holds 2 series"):
        read_dicom_series(REAL / "98892001")
    chosen = read_dicom_series(REAL / "98892001", keep=lambda header: header.SeriesNumber == 5)
    assert chosen.values.shape == (5, 16, 16)


def test_what_is_no_series(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        read_dicom_series(tmp_path / "none")
    with pytest.raises(ValueError, match="holds 0 series of images, but must hold one"):
        read_dicom_series(tmp_path)
    with pytest.raises(ValueError, match=r"CT_small\.dcm is one image, but a volume has two"):
        read_dicom_series(_real("CT_small.dcm"))
