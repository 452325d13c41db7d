"""DICOM files of known geometry and made-up patients, written for the tests."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1, 0, 0, 0, 1, 0)


def header(patient="P1", study="study", series="series", **changes):
    """The attributes of every image; UIDs are made from the given words."""
    dataset = FileDataset(None, {}, preamble=b"\0" * 128, file_meta=FileMetaDataset())
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid()
    dataset.StudyInstanceUID = uid(patient, study)
    dataset.SeriesInstanceUID = uid(patient, study, series)
    dataset.PatientID, dataset.PatientName = patient, f"Name^Of^{patient}"
    dataset.PatientBirthDate = "19310507"
    dataset.Modality = "CT"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = 1
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    for name, value in changes.items():
        setattr(dataset, name, value)
    return dataset


def uid(*words):
    return generate_uid(entropy_srcs=["jaxmed", *words])


def write_image(path, pixels, **changes):
    """One frame of 16 bits."""
    return save(path, header(**changes), pixels)


def save(path, dataset, pixels):
    pixels = np.asarray(pixels)
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelData = pixels.astype("<i2" if dataset.PixelRepresentation else "<u2").tobytes()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return Path(path)


def write_series(
    folder,
    pixels,
    *,
    origin=(0, 0, 0),
    directions=AXIAL,
    spacing=(1, 1),
    step=1,
    names=None,
    **more,
):
    """One file per slice, `step` mm apart along the normal; names may be in any order."""
    normal = np.cross(directions[:3], directions[3:])
    names = names or [f"{number:03}.dcm" for number in range(len(pixels))]
    paths = []
    for number, (slice_, name) in enumerate(zip(pixels, names, strict=True)):
        position = np.asarray(origin) + number * step * normal
        paths.append(
            write_image(
                Path(folder) / name,
                slice_,
                ImagePositionPatient=[float(f"{x:.6g}") for x in position],
                ImageOrientationPatient=list(directions),
                PixelSpacing=list(spacing),
                **more,
            )
        )
    return paths


def write_enhanced(path, pixels, positions, *, slopes, spacing=(1, 1), **changes):
    """A multi-frame file, whose frames have their own positions and slopes."""
    dataset = header(SOPClassUID=EnhancedCTImageStorage, **changes)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.NumberOfFrames = len(pixels)
    dataset.SharedFunctionalGroupsSequence = Sequence(
        [
            _item(
                PlaneOrientationSequence=_item(ImageOrientationPatient=list(AXIAL)),
                PixelMeasuresSequence=_item(PixelSpacing=list(spacing)),
            )
        ]
    )
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            _item(
                PlanePositionSequence=_item(ImagePositionPatient=list(position)),
                PixelValueTransformationSequence=_item(RescaleSlope=slope, RescaleIntercept=-5),
            )
            for position, slope in zip(positions, slopes, strict=True)
        ]
    )
    return save(path, dataset, pixels)


def _item(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return item
