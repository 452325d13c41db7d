"""Images and masks of known grids, written for the tests: NIfTI, PNG and DICOM segmentations."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import written_dicom as written
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence

AFFINE = np.array([[-2.0, 0, 0, 30], [0, -1.5, 0, 20], [0, 0, 3, -10], [0, 0, 0, 1]])
"""Steps of 2, 1.5 and 3 mm to the left, back and head: the axes of an example, reversed."""


def write_nifti(path, values, affine=AFFINE):
    """Values [depth, height, width], oriented as examples are where the affine is `AFFINE`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = np.asarray(values)
    stored = stored.astype(np.uint8 if stored.dtype.kind == "b" else stored.dtype)
    if stored.dtype == np.int64:
        stored = stored.astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(stored.transpose(2, 1, 0), affine), path)
    return path


def write_picture(path, pixels, **more):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels), **more).save(path)
    return path


def write_segmentation(path, frames, *, kind="BINARY", references=None, spacing=(1, 1), **changes):
    """A DICOM segmentation; frames are (segment, position, pixels)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = written.header(SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", **changes)
    del dataset.RescaleSlope, dataset.RescaleIntercept
    dataset.Modality, dataset.SegmentationType = "SEG", kind
    dataset.PixelRepresentation = 0
    pixels = np.stack([np.asarray(each) for _, _, each in frames]).astype(np.uint8)
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape
    bits = 1 if kind == "BINARY" else 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.SharedFunctionalGroupsSequence = _items(
        [
            _item(
                PlaneOrientationSequence=_item(ImageOrientationPatient=list(written.AXIAL)),
                PixelMeasuresSequence=_item(PixelSpacing=list(spacing)),
            )
        ]
    )
    dataset.PerFrameFunctionalGroupsSequence = _items(
        [
            _item(
                PlanePositionSequence=_item(ImagePositionPatient=list(position)),
                SegmentIdentificationSequence=_item(ReferencedSegmentNumber=segment),
            )
            for segment, position, _ in frames
        ]
    )
    if references is not None:
        dataset.ReferencedSeriesSequence = _items([_item(SeriesInstanceUID=references)])
    dataset.PixelData = pack_bits(pixels) if kind == "BINARY" else pixels.tobytes()
    if len(dataset.PixelData) % 2:
        dataset.PixelData += b"\0"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _items(values):
    return Sequence(values)


def _item(**values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, Sequence([value]) if isinstance(value, Dataset) else value)
    return item
