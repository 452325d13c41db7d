"""Headers of NIfTI files with impossible numbers: refused by name, before anything is allocated."""

import gzip
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from jaxmed.data import columns, from_studies, read_nifti
from jaxmed.data.studies import nifti

# Places in the header of NIfTI-1 (nifti1.h): name, offset, format.
DIM, VOX_OFFSET, DATATYPE, PIXDIM = (40, "<8h"), (108, "<f"), (70, "<h"), (80, "<3f")
SLOPE, QFORM, SFORM, QUATERN, SROW = (
    (112, "<2f"),
    (252, "<h"),
    (254, "<h"),
    (256, "<3f"),
    (280, "<f"),
)
VALUES = np.arange(64, dtype=np.int16).reshape(4, 4, 4)


def changed(path, *changes, content=None):
    """A sound file of 4 x 4 x 4 voxels, with other numbers in its header."""
    image = nibabel.Nifti1Image(VALUES, np.eye(4))
    written = bytearray(image.to_bytes() if content is None else content)
    for (place, layout), *numbers in changes:
        struct.pack_into(layout, written, place, *numbers)
    path.write_bytes(gzip.compress(written) if path.suffix == ".gz" else written)
    return path


NAN, INFINITE = float("nan"), float("inf")
FAULTS = {
    "axes": ([(DIM, 9, 4, 4, 4, 1, 1, 1, 1)], "claims 9 axes|cannot be read as NIfTI"),
    "negative axis": ([(DIM, 3, -4, 4, 4, 1, 1, 1, 1)], "has shape"),
    "empty axis": ([(DIM, 3, 4, 0, 4, 1, 1, 1, 1)], "has shape"),
    "time": ([(DIM, 4, 4, 4, 2, 2, 1, 1, 1)], r"shape \(4, 4, 2, 2\), but must have three axes"),
    "offset before the voxels": ([(VOX_OFFSET, -16)], "vox offset -16 too low"),
    "offset beyond the file": ([(VOX_OFFSET, 1e20)], "is cut off|more than 1,000 to 1"),
    "offset that is no number": ([(VOX_OFFSET, NAN)], "cannot be read as NIfTI"),
    "unknown datatype": ([(DATATYPE, 12345)], "cannot be read as NIfTI"),
    "largest axes": ([(DIM, 3, 32767, 32767, 32767, 1, 1, 1, 1)], "is cut off|more than 1,000"),
    "affine": ([(SROW, NAN)], "the spacing is nan x 1 x 1 mm"),
    "flat affine": ([(SROW, 0)], "the spacing is 0 x 1 x 1 mm"),
    "sheared affine": ([((284, "<f"), 0.3)], "degrees apart instead of 90"),
    "voxels of no size": ([(SFORM, 0), (QFORM, 1), (PIXDIM, 1, 0, 1)], "voxels of 1 x 0 x 1 mm"),
    "voxels below 0": ([(SFORM, 0), (QFORM, 1), (PIXDIM, 1, 1, -2)], "voxels of 1 x 1 x -2 mm"),
    "quaternion": ([(SFORM, 0), (QFORM, 1), (QUATERN, 3, 3, 3)], "cannot be read as NIfTI"),
    "infinite slope": ([(SLOPE, INFINITE, 0)], "infinite slope"),
    "slope without intercept": ([(SLOPE, 2, NAN)], "invalid intercept"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_impossible_header_is_left_out_by_name_and_the_rest_is_read(fault, suffix, tmp_path):
    changes, reason = FAULTS[fault]
    changed(tmp_path / "sound.nii")
    path = changed(tmp_path / f"odd{suffix}", *changes)
    with pytest.warns(UserWarning, match=rf"1 of 2 files are skipped\. .*odd\.nii.*({reason})"):
        source = from_studies(tmp_path, shape=(4, 4, 4))
    assert list(source.skipped) == [path]
    assert len(columns(source)["image"]) == 1
    with pytest.raises(ValueError, match=rf"odd\.nii.*({reason})"):
        from_studies(tmp_path, shape=(4, 4, 4), on_error="raise")
    with pytest.raises(ValueError, match=reason):
        read_nifti(path)


def test_nifti2_axes_whose_product_exceeds_64_bits(tmp_path):
    content = bytearray(nibabel.Nifti2Image(VALUES, np.eye(4)).to_bytes())
    struct.pack_into("<8q", content, 16, 3, 2**33, 2**31, 4, 1, 1, 1, 1)
    (tmp_path / "odd.nii").write_bytes(content)
    with pytest.raises(ValueError, match=rf"is cut off: it holds \d+ of {2**67 + 544} bytes"):
        nifti.read_shape(tmp_path / "odd.nii")


@pytest.mark.parametrize("stated", [0, (2**33 + 352) % 2**32])
def test_a_packed_file_that_claims_gigabytes_takes_no_memory(stated, tmp_path):
    """Whatever size gzip states: it is a number of 32 bits at the end, which anyone can write."""
    content = nibabel.Nifti1Image(VALUES, np.eye(4)).to_bytes()
    content += np.random.default_rng(0).bytes(2**16)  # so that a header is read without the end
    path = changed(tmp_path / "odd.nii.gz", (DIM, 3, 2048, 2048, 1024, 1, 1, 1, 1), content=content)
    path.write_bytes(path.read_bytes()[:-4] + struct.pack("<I", stated))
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"odd\.nii\.gz: it claims 8,589,934,944 bytes in 6\d,\d+ pa"
    ):
        nifti.read_shape(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_an_extension_that_claims_gigabytes_is_not_read(tmp_path):
    content = bytearray(nibabel.Nifti1Image(VALUES, np.eye(4)).to_bytes())
    content[348:352] = b"\1\0\0\0"  # there are extensions
    content[352:352] = struct.pack("<2i", 2**31 - 16, 4) + bytes(8)
    path = changed(tmp_path / "a.nii.gz", (VOX_OFFSET, 368), content=content)
    expected = VALUES[::-1, ::-1].transpose(2, 1, 0)
    np.testing.assert_array_equal(read_nifti(path).values, expected)


def test_empty_masks_may_be_packed_at_any_ratio(tmp_path):
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((64, 64, 64), np.uint8), np.eye(4)), tmp_path / "a.nii.gz"
    )
    assert 200 * (tmp_path / "a.nii.gz").stat().st_size < 64**3
    assert not read_nifti(tmp_path / "a.nii.gz").values.any()


@pytest.mark.parametrize("slope", [0, NAN])
def test_without_a_slope_values_are_as_they_are_stored(slope, tmp_path):
    path = changed(tmp_path / "a.nii", (SLOPE, slope, 7))
    np.testing.assert_array_equal(np.sort(read_nifti(path).values.ravel()), VALUES.ravel())
