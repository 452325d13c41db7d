"""Labels written as DICOM Segmentation, read back by pydicom frame by frame."""

import numpy as np
import pydicom
import pytest
import written_dicom as written
from pydicom.uid import DigitalXRayImageStorageForPresentation

from jaxmed.data import from_masks, to_grid, write_dicom_seg

pytest.importorskip("highdicom", reason="pip install 'jaxmed[segmentation]'")

RNG = np.random.default_rng(0)
SHAPE = (4, 6, 5)
CLASSES = ("background", "liver", "tumor")
OBLIQUE = (0.8, 0.6, 0, 0, 0, -1)
REFERENCE = written.uid("frame of reference")
CT = {"FrameOfReferenceUID": REFERENCE, "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}


def series(folder, **changes):
    """A series whose files are named against the order of their positions."""
    names = [f"{number}.dcm" for number in (3, 0, 2, 1)]
    arguments = {
        "names": names,
        "origin": (10, -20, 30),
        "spacing": (0.5, 0.75),
        "step": 2.5,
        **CT,
        **changes,
    }
    return written.write_series(folder, RNG.integers(-300, 400, SHAPE), **arguments)


def segments(dataset):
    """Position of each frame -> {segment: mask}, and the instance it refers to."""
    masks, sources = {}, {}
    frames = np.atleast_3d(dataset.pixel_array).reshape(-1, dataset.Rows, dataset.Columns)
    for mask, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        position = tuple(map(float, group.PlanePositionSequence[0].ImagePositionPatient))
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        masks.setdefault(position, {})[number] = mask.astype(bool)
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        sources[position] = (
            source.ReferencedSOPInstanceUID,
            source.get("ReferencedFrameNumber"),
        )
    return masks, sources


@pytest.mark.parametrize("directions", [written.AXIAL, OBLIQUE])
def test_each_slice_lies_on_its_image(tmp_path, directions):
    paths = series(tmp_path / "ct", directions=directions)
    labels = RNG.integers(0, 3, SHAPE)
    write_dicom_seg(labels, like=tmp_path / "ct", path=tmp_path / "seg.dcm", classes=CLASSES)
    found, image = pydicom.dcmread(tmp_path / "seg.dcm"), pydicom.dcmread(paths[0])
    assert found.SOPClassUID.name == "Segmentation Storage"
    assert (found.Modality, found.SegmentationType) == ("SEG", "BINARY")
    for name in ("StudyInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID"):
        assert found[name].value == image[name].value
    assert found.SeriesInstanceUID != image.SeriesInstanceUID
    (shared,) = found.SharedFunctionalGroupsSequence
    measures = shared.PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [0.5, 0.75]
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    np.testing.assert_allclose(orientation, directions, atol=1e-6)
    masks, sources = segments(found)
    for path, slice_ in zip(paths, labels, strict=True):  # in the order of positions
        image = pydicom.dcmread(path)
        position = tuple(map(float, image.ImagePositionPatient))
        for number in (1, 2):
            np.testing.assert_array_equal(masks[position][number], slice_ == number)
        assert sources[position] == (image.SOPInstanceUID, None)


@pytest.mark.parametrize(
    ("directions", "axes"),
    # Depth is that axis of the series which runs towards the head.
    [(written.AXIAL, (0, 1, 2)), ((-1, 0, 0, 0, 1, 0), (0, 1, 2)), (OBLIQUE, (1, 0, 2))],
)
@pytest.mark.parametrize("step", [2.5, -2.5])
def test_predictions_of_an_example_are_read_back(tmp_path, directions, axes, step):
    series(tmp_path / "ct", directions=directions, step=step)
    first = RNG.integers(0, 3, SHAPE)
    write_dicom_seg(first, like=tmp_path / "ct", path=tmp_path / "1/seg.dcm", classes=CLASSES)
    arguments = {"classes": CLASSES, "shape": [SHAPE[axis] for axis in axes]}
    source = from_masks(tmp_path / "ct", tmp_path / "1", **arguments)
    np.testing.assert_array_equal(to_grid(source[0]["label"], source.grid(0)), first)
    predicted = RNG.integers(0, 3, source[0]["label"].shape).astype(np.int8)
    write_dicom_seg(
        to_grid(predicted, source.grid(0)),
        like=tmp_path / "ct",
        path=tmp_path / "2/seg.dcm",
        classes=CLASSES,
    )
    again = from_masks(tmp_path / "ct", tmp_path / "2", **arguments)
    np.testing.assert_array_equal(again[0]["image"], source[0]["image"])
    np.testing.assert_array_equal(again[0]["label"], predicted)


def test_names_codes_and_who_made_it(tmp_path):
    series(tmp_path / "ct")
    liver = (("123037004", "SCT", "Anatomical Structure"), ("10200004", "SCT", "Liver"))
    write_dicom_seg(
        np.ones(SHAPE, np.uint8),
        like=tmp_path / "ct",
        path=tmp_path / "seg.dcm",
        classes=CLASSES,
        codes={"liver": liver},
        algorithm="liver model 3",
        series_number=7,
    )
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    assert found.SeriesNumber == 7
    assert [segment.SegmentLabel for segment in found.SegmentSequence] == ["liver", "tumor"]
    first, second = found.SegmentSequence
    assert (first.SegmentAlgorithmType, first.SegmentAlgorithmName) == (
        "AUTOMATIC",
        "liver model 3",
    )
    kinds = [
        (each.SegmentedPropertyCategoryCodeSequence[0], each.SegmentedPropertyTypeCodeSequence[0])
        for each in (first, second)
    ]
    read = [
        [(c.CodeValue, c.CodingSchemeDesignator, c.CodeMeaning) for c in each] for each in kinds
    ]
    assert tuple(read[0]) == liver
    assert read[1] == [("85756007", "SCT", "Tissue")] * 2


def test_nothing_found_is_a_file_too(tmp_path):
    series(tmp_path / "ct")
    write_dicom_seg(
        np.zeros(SHAPE, np.int8), like=tmp_path / "ct", path=tmp_path / "seg.dcm", classes=CLASSES
    )
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    assert not found.pixel_array.any()
    assert len(found.SegmentSequence) == 2


def test_files_one_by_one_without_what_may_be_empty(tmp_path):
    """Of a folder with two series; the headers lack what anonymization removes."""
    paths = series(tmp_path / "both")
    series(tmp_path / "both" / "other", series="other")
    for path in paths:
        image = pydicom.dcmread(path)
        del image.PatientName, image.PatientBirthDate, image.PatientID
        image.save_as(path)
    labels = RNG.integers(0, 3, SHAPE)
    write_dicom_seg(
        labels, like=[str(path) for path in paths[::-1]], path=tmp_path / "seg.dcm", classes=CLASSES
    )
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    assert found.PatientName == ""
    masks, _ = segments(found)
    positions = [tuple(map(float, pydicom.dcmread(p).ImagePositionPatient)) for p in paths]
    expected = [{n: slice_ == n for n in (1, 2)} for slice_ in labels]
    for position, wanted in zip(positions, expected, strict=True):
        for number, mask in wanted.items():
            np.testing.assert_array_equal(masks[position][number], mask)
    with pytest.raises(ValueError, match=r"both holds 2 series of images .*must hold one"):
        write_dicom_seg(labels, like=tmp_path / "both", path=tmp_path / "seg.dcm", classes=CLASSES)


def test_frames_of_a_multi_frame_file(tmp_path):
    """Its frames are stored in another order than that of their positions."""
    heights = (7.5, 0.0, 5.0, 2.5)
    path = written.write_enhanced(
        tmp_path / "ct.dcm",
        RNG.integers(0, 100, SHAPE),
        [(0, 0, height) for height in heights],
        slopes=[1] * 4,
        **CT,
    )
    labels = RNG.integers(0, 3, SHAPE)
    write_dicom_seg(labels, like=path, path=tmp_path / "seg.dcm", classes=CLASSES)
    masks, sources = segments(pydicom.dcmread(tmp_path / "seg.dcm"))
    for slice_, height in zip(labels, sorted(heights), strict=True):
        for number in (1, 2):
            np.testing.assert_array_equal(masks[0, 0, height][number], slice_ == number)
        assert sources[0, 0, height][1] == heights.index(height) + 1


def test_one_image(tmp_path):
    path = written.write_image(
        tmp_path / "one.dcm",
        RNG.integers(0, 100, (6, 5)),
        ImagePositionPatient=[0, 0, 0],
        ImageOrientationPatient=list(written.AXIAL),
        PixelSpacing=[1, 1],
        SliceThickness=2,
        **CT,
    )
    labels = RNG.integers(0, 3, (6, 5))
    write_dicom_seg(labels, like=path, path=tmp_path / "seg.dcm", classes=CLASSES)
    masks, _ = segments(pydicom.dcmread(tmp_path / "seg.dcm"))
    for number in (1, 2):
        np.testing.assert_array_equal(masks[0, 0, 0][number], labels == number)


def test_an_xray(tmp_path):
    """It has no position in the patient, and neither has its segmentation."""
    path = written.write_image(
        tmp_path / "xray.dcm",
        RNG.integers(0, 100, (6, 5)),
        SOPClassUID=DigitalXRayImageStorageForPresentation,
        Modality="DX",
        ImagerPixelSpacing=[0.1, 0.1],
    )
    labels = RNG.integers(0, 3, (6, 5))
    write_dicom_seg(labels, like=path, path=tmp_path / "seg.dcm", classes=CLASSES)
    found = pydicom.dcmread(tmp_path / "seg.dcm")
    for frame, number in zip(found.pixel_array, (1, 2), strict=True):
        np.testing.assert_array_equal(frame, labels == number)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((6, 5), int)}, r"labels has shape \(6, 5\), but must have \(4, 6, 5"),
        ({"labels": np.full(SHAPE, 3)}, "labels holds numbers from 3 to 3, but must hold 0 to 2"),
        ({"labels": np.full(SHAPE, -1)}, "labels holds numbers from -1 to -1"),
        ({"path": "ct/0.dcm"}, "which is the input, but must be another file"),
        ({"path": "ct/new/seg.dcm"}, "which is in the folder of the images, but must be outside"),
        ({"path": "seg.nii"}, "must end with .dcm"),
        ({"classes": ("a",)}, "classes has 1 names, but must have 2 to 256: name label 0 too"),
        ({"classes": ("a", "b" * 65)}, "classes has 'bbb.*at most 64 letters in DICOM"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(tmp_path, change, message):
    paths = series(tmp_path / "ct")
    before = [path.read_bytes() for path in paths]
    arguments = {"labels": np.zeros(SHAPE, int), "path": "seg.dcm", "classes": CLASSES, **change}
    arguments["path"] = tmp_path / arguments["path"]
    with pytest.raises(ValueError, match=message):
        write_dicom_seg(like=tmp_path / "ct", **arguments)
    assert [path.read_bytes() for path in paths] == before
    assert {path.name for path in tmp_path.iterdir()} == {"ct"}


def test_images_without_a_frame_of_reference_are_refused(tmp_path):
    series(tmp_path / "ct", FrameOfReferenceUID=None)
    with pytest.raises(
        ValueError, match=r"like is .* cannot refer to \(they name no frame of ref.*\): get them as"
    ):
        write_dicom_seg(
            np.zeros(SHAPE, int), like=tmp_path / "ct", path=tmp_path / "seg.dcm", classes=CLASSES
        )
