"""Folders of images and masks as a source; only headers are read here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data import contract
from jaxmed.data.groups import group_numbers, spelled
from jaxmed.data.readers.regular_files import list_files
from jaxmed.data.readers.unreadable import check_policy, warn_skipped
from jaxmed.data.studies import dicom_seg, picture
from jaxmed.data.studies.example import as_window, check_grid, check_inversion
from jaxmed.data.studies.folder import Scan, find_scans
from jaxmed.data.studies.grid import grid_of
from jaxmed.data.studies.label_values import declared_values
from jaxmed.data.studies.mask_files import MaskFile, check_same_grid, find_masks
from jaxmed.data.studies.matching import annotate
from jaxmed.data.studies.pairs import Pairs, has_suffix, pair_up
from jaxmed.data.studies.segmentations import Pair, Segmentations
from jaxmed.data.studies.window import Window


def from_masks(
    images: str | Path,
    masks: str | Path,
    *,
    classes: Sequence[str],
    shape: Sequence[int],
    spacing: Sequence[float] | None = None,
    window: tuple[float, float] | Window | None = None,
    channels: int = 1,
    label_values: Mapping[int, int] | None = None,
    image_suffix: str = "",
    mask_suffixes: Sequence[str] = ("", "_seg", "_mask"),
    patient: Callable[[str], str] | None = None,
    keep: Callable[[Any], bool] | None = None,
    on_error: str = "skip",
) -> Segmentations:
    """A source of images and their masks, to learn the class of every pixel or voxel.

    Images are NIfTI files and DICOM series, or PNG, JPEG and TIFF files where `shape` is that of
    images. Masks are NIfTI files, PNG or TIFF files, or DICOM segmentations of a series. They are
    paired by their names: the path below the folder, or the name of the file, without its ending
    and suffix; DICOM segmentations by the series they name. A mask must lie on the grid of its
    image. Images are oriented, resampled and windowed as by `from_studies`; masks too, by the
    nearest label, never by interpolation.

    What has no partner or cannot be read is skipped: a warning counts and names it, and `skipped`
    lists all; `on_error="raise"` refuses it instead. Only headers are read for that. Numbers that
    were not declared, probabilities, NaN and damaged pixels raise an error that names the file
    when the pair is read; `only_readable()` skips such pairs too.

    Args:
        images: a folder, searched with its sub-folders; hidden files are ignored.
        masks: another folder, or the same one, in which masks have one of `mask_suffixes`.
        classes: names of the classes in the order of their labels; the first is the background.
        shape: (depth, height, width) for volumes, or (height, width) for images.
        spacing: mm along each axis; then every image is cropped or padded about its center to
            `shape`, and the label of the padding is -1. `None` resizes the whole of each image to
            `shape`; files without a spacing, such as PNG, need that.
        window: (center, width) in the scanner's unit, or a window from
            `jaxmed.data.studies.window`. `None` keeps the values as float32, and as uint8 where
            all images are pictures with 8 bits.
        channels: 1 for gray; 3 for pictures in color (red, green, blue).
        label_values: the class of each number in the masks, -1 where nothing is labelled:
            `{0: 0, 255: 1}` for black and white. `None` where the numbers are the classes. In a
            DICOM segmentation they are those of the segments, and 0 elsewhere.
        image_suffix: at the end of the names of images, such as "_0000"; others are ignored.
        mask_suffixes: at the end of the names of masks, the likeliest first; "" for none.
        patient: the patient of an image by its name, the path below `images` without its ending,
            such as `lambda name: name.split("_")[0]`. By default that of DICOM files, else each
            image counts as a patient of its own.
        keep: called with each DICOM header of an image, as in `from_studies`.
        on_error: "skip" or "raise".

    Returns:
        Examples {image: [*shape, channels] uint8 or float32; label: [*shape] int8, a class or -1;
        spacing: [axes] float32, mm per voxel, 1 where it is not known; group: int32, the running
        number of the patient, where patients are known; id: int32}, sorted by path.
        `source.grid(id)` has the way back to the grid of the file.

    Raises:
        ModuleNotFoundError: pydicom, nibabel or the decoder of a compressed file is not installed.
        FileNotFoundError: A folder does not exist.
        ValueError: An argument is invalid, there are images where volumes are expected or the
            reverse, no image has a mask, or, with `on_error="raise"`, anything that would be
            skipped.
    """
    check_policy(on_error)
    shape, spacing = check_grid(shape, spacing)
    limits = as_window(window)
    contract.check_class_names(classes)
    names = checks.strings("classes", classes)
    declared = declared_values(label_values, names)
    _check_channels(channels, len(shape))
    suffixes = _check_suffixes(image_suffix, mask_suffixes)
    for name, function in (("patient", patient), ("keep", keep)):
        if function is not None:
            checks.function(name, function, "of a file's header" if name == "keep" else "of a name")
    images, masks = _folder("images", images), _folder("masks", masks)

    scans, unread = _find_images(images, len(shape), int(channels), keep)
    found, unread_masks = find_masks(masks, axes=len(shape))
    scans, found, unread = _apart(images, masks, scans, found, unread | unread_masks, suffixes)
    check_inversion([scan for scan in scans if not scan.error], limits)
    paired = pair_up(scans, found, image_suffix=image_suffix, mask_suffixes=suffixes)
    pairs, skipped = _on_one_grid(paired, shape, spacing)
    skipped = unread | skipped
    if not pairs:
        reason = next(iter(skipped.values()), "no file is an image")
        raise ValueError(f"{images} holds no image with a mask in {masks}: {reason}")
    if skipped and on_error == "raise":
        raise ValueError(
            f"{next(iter(skipped.values()))} (The first of {len(skipped)}: on_error='skip' leaves "
            "them out.)"
        )
    if skipped:
        total = len(unread) + len(scans) + len(found)
        warn_skipped(len(skipped), total, list(skipped.values()), of="images and masks")
    return Segmentations(
        pairs,
        _groups([pair.scan for pair in pairs], patient),
        classes=names,
        skipped=skipped,
        declared=declared,
        shape=shape,
        spacing=spacing,
        window=limits,
    )


def _find_images(
    folder: Path, axes: int, channels: int, keep: Callable[[Any], bool] | None
) -> tuple[list[Scan], dict[Path, str]]:
    """Studies and, where images are expected, pictures below a folder; and unreadable files."""

    def is_image(header: Any) -> bool:
        return not dicom_seg.is_segmentation(header) and (keep is None or keep(header))

    scans, unread = find_scans(folder, axes=axes, keep=is_image)
    if channels == 3 and scans:
        raise ValueError(
            f"channels is 3, but {scans[0].path} holds one value per pixel: pass channels=1, or "
            "keep pictures only."
        )
    pictures = list_files(folder, recursive=True).files if axes == 2 else ()
    for path in pictures:
        try:
            if picture.is_picture(path):
                scans.append(picture.picture_scan(path, folder, channels))
        except ValueError as error:
            unread[path] = str(error)
    return sorted(scans, key=lambda scan: scan.path), unread


def _apart(
    images: Path,
    masks: Path,
    scans: list[Scan],
    found: list[MaskFile],
    unread: dict[Path, str],
    suffixes: Sequence[str],
) -> tuple[list[Scan], list[MaskFile], dict[Path, str]]:
    """Images and masks where one folder holds the other, or both are one."""
    here, there = images.resolve(), masks.resolve()
    if here == there:
        found = [
            mask
            for mask in found
            if mask.segments or has_suffix(mask.names["file name without ending"], suffixes)
        ]
    elif here.is_relative_to(there):
        found = [mask for mask in found if not mask.path.resolve().is_relative_to(here)]
    taken = {mask.path.resolve() for mask in found}
    if there.is_relative_to(here):
        inside = here != there
        scans = [
            scan
            for scan in scans
            if scan.path.resolve() not in taken
            and not (inside and scan.path.resolve().is_relative_to(there))
        ]
    return scans, found, unread


def _on_one_grid(
    paired: Pairs, shape: tuple[int, ...], spacing: tuple[float, ...] | None
) -> tuple[list[Pair], dict[Path, str]]:
    """The pairs whose mask lies on the grid of its image, and why others are skipped."""
    pairs, reasons = [], dict(paired.reasons)
    for scan, mask in paired.matched:
        try:
            if scan.error:
                raise ValueError(scan.error)
            geometry = scan.geometry()
            check_same_grid(mask, scan, geometry)
            grid = grid_of(scan.path, geometry, shape=shape, spacing=spacing)
        except ValueError as error:
            reasons[scan.path] = str(error)
        else:
            pairs.append(Pair(scan, mask, grid))
    return pairs, reasons


def _groups(
    scans: Sequence[Scan], patient: Callable[[str], str] | None
) -> Mapping[str, np.ndarray]:
    if patient is None:
        return annotate(scans, None, None)
    names = spelled(
        patient(scan.names.get("path without ending", scan.path.stem)) for scan in scans
    )
    nameless = next((scan for scan, name in zip(scans, names, strict=True) if not name), None)
    if nameless is not None:
        raise ValueError(
            f"patient gives no name for {nameless.path}, but must name the patient of every image: "
            "correct the function, or move the image away."
        )
    return {"group": group_numbers(np.array(names, dtype=object))}


def _folder(name: str, value: object) -> Path:
    path = checks.path(name, value)
    if not path.is_dir():
        raise FileNotFoundError(f"{name} is {str(path)!r}, but there is no such folder.")
    return path


def _check_channels(channels: int, axes: int) -> None:
    if checks.whole("channels", channels) not in (1, 3) or (axes == 3 and channels != 1):
        raise ValueError(
            f"channels is {channels}, but must be 1 (gray), or 3 (color) for images whose shape "
            "is (height, width)."
        )


def _check_suffixes(image_suffix: str, mask_suffixes: Sequence[str]) -> tuple[str, ...]:
    suffixes = checks.sequence("mask_suffixes", mask_suffixes, "strings")
    for name, suffix in [("image_suffix", image_suffix), *(("mask_suffixes", s) for s in suffixes)]:
        if not isinstance(suffix, str):
            raise ValueError(
                f"{name} holds {checks.shown(suffix)}, but must be text at the end of a name, such "
                "as '_seg', or '' for none."
            )
    if not suffixes:
        raise ValueError("mask_suffixes is empty, but must hold one or more: pass ('',) for none.")
    return suffixes
