"""The masks below a folder: NIfTI files, pictures and DICOM segmentations, before they are read."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from jaxmed.data.readers.regular_files import list_files
from jaxmed.data.studies import dicom_header, dicom_seg, nifti, picture
from jaxmed.data.studies.dicom_seg import Segments
from jaxmed.data.studies.folder import Scan, path_names
from jaxmed.data.studies.geometry import Geometry

_OFF = 0.1  # of a voxel, by which the corners of a mask may lie beside those of its image


@dataclasses.dataclass(frozen=True)
class MaskFile:
    """A mask, before its voxels are read.

    Attributes:
        path: the file.
        names: its names, by kind of name, as those of a scan.
        geometry: returns its grid; `None` for a DICOM segmentation, which lies on its series.
        segments: of a DICOM segmentation.
    """

    path: Path
    names: Mapping[str, str]
    geometry: Callable[[], Geometry] | None = None
    segments: Segments | None = None


def find_masks(folder: Path, *, axes: int) -> tuple[list[MaskFile], dict[Path, str]]:
    """Every mask below a folder, sorted by path, and why others cannot be read.

    Args:
        folder: searched with its sub-folders. Other files are ignored, and so are DICOM images.
        axes: 3 for volumes, 2 for images. Pictures are masks of images only, DICOM segmentations
            of volumes.
    """
    masks: list[MaskFile] = []
    unread: dict[Path, str] = {}
    listing = list_files(folder, recursive=True)
    for path in listing.files:
        try:
            mask = _mask_file(path, folder, axes)
        except ValueError as error:
            unread[path] = str(error)
        except OSError as error:
            unread[path] = f"{path} cannot be read ({error.strerror}): make it readable."
        else:
            masks += [mask] if mask else []
    lost = {path: why for path, why in listing.missing.items() if _may_hold_mask(path)}
    return masks, unread | lost


def check_same_grid(mask: MaskFile, scan: Scan, image: Geometry) -> None:
    """Refuse a mask that does not lie on the grid of its image.

    Raises:
        ValueError: Its shape is another, or a corner lies more than a tenth of a voxel away.
    """
    if mask.segments is not None:
        if not image.frames:
            raise ValueError(
                f"{mask.path} is a DICOM segmentation, but its image {scan.path.name} must be a "
                "DICOM series then: save the mask as NIfTI."
            )
        dicom_seg.place_frames(mask.segments, image)
        return
    assert mask.geometry is not None
    own = mask.geometry()
    if (own.order is None) != (image.order is None):
        raise ValueError(
            f"{mask.path} and its image {scan.path.name} must both have a position in the patient, "
            "or none of them: save the mask in the format of the image."
        )
    if own.lengths != image.lengths:
        raise ValueError(
            f"{mask.path} has {_size(own)} voxels, but its image {scan.path.name} has "
            f"{_size(image)}: make it on the grid of its image."
        )
    here, there, spacing = own.corners(), image.corners(), image.spacing
    if here is None or there is None or spacing is None:
        return
    distance = float(np.linalg.norm(here - there, axis=1).max())
    if distance > _OFF * min(spacing):
        raise ValueError(
            f"{mask.path} lies up to {distance:.3g} mm beside its image {scan.path.name} (their "
            "affines differ): make it on the grid of its image."
        )


def read_mask(mask: MaskFile, image: Geometry) -> np.ndarray:
    """The numbers of a mask on the oriented grid of its image, (depth,) height and width.

    Raises:
        ValueError: It cannot be read; the message names the file.
    """
    if mask.segments is not None:
        return image.from_file(dicom_seg.read_numbers(mask.path, image))
    if picture.is_picture(mask.path):
        return picture.read_labels(mask.path)
    return nifti.read_nifti(mask.path).values


def _mask_file(path: Path, root: Path, axes: int) -> MaskFile | None:
    if nifti.is_nifti(path):
        if len(nifti.read_shape(path)) != axes:
            raise ValueError(
                f"{path} has {len(nifti.read_shape(path))} axes longer than 1, but must have "
                f"{axes}, those of shape."
            )
        names = path_names(path.relative_to(root))
        return MaskFile(path, names, functools.partial(nifti.read_geometry, path))
    if picture.is_picture(path):
        if axes == 3:
            return None
        names = path_names(path.relative_to(root), picture.SUFFIXES)
        return MaskFile(path, names, functools.partial(_picture_geometry, path))
    if not dicom_header.is_dicom(path):
        return None
    dataset = dicom_header.read_header(path)
    if not dicom_seg.is_segmentation(dataset):
        return None
    segments = dicom_seg.read_segments(path, dataset)
    return MaskFile(path, path_names(path.relative_to(root)), segments=segments)


def _may_hold_mask(path: Path) -> bool:
    suffix = dicom_header.has_dicom_suffix(path) or picture.is_picture(path)
    return suffix or nifti.is_nifti(path) or path.is_dir()


def _picture_geometry(path: Path) -> Geometry:
    return Geometry(picture.label_shape(path))


def _size(geometry: Geometry) -> str:
    return " x ".join(map(str, geometry.lengths))
