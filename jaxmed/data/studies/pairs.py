"""Which mask belongs to which image: by series, or by their names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from jaxmed.data.studies.folder import Scan
from jaxmed.data.studies.mask_files import MaskFile

_SERIES = "SeriesInstanceUID"
_KINDS = ("path without ending", "file name without ending")


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Images with their masks.

    Attributes:
        matched: (image, mask), in the order of the images.
        reasons: why an image or a mask is in no pair, by path.
    """

    matched: tuple[tuple[Scan, MaskFile], ...]
    reasons: dict[Path, str]


def pair_up(
    scans: Sequence[Scan],
    masks: Sequence[MaskFile],
    *,
    image_suffix: str,
    mask_suffixes: Sequence[str],
) -> Pairs:
    """Pair images and masks that belong to one series, or else have one name.

    A name is the path below the folder without the ending of the file, or the last part of it
    where that pairs more files; then without its suffix.

    Args:
        scans: the images.
        masks: all that may belong to one of them.
        image_suffix: at the end of the names of images; others are ignored.
        mask_suffixes: at the end of the names of masks, the likeliest first; "" for none.
    """
    found = [_by_name(scans, masks, kind, image_suffix, mask_suffixes) for kind in _KINDS]
    return max(found, key=lambda pairs: len(pairs.matched))  # the first of equals: by path


def has_suffix(name: str, suffixes: Iterable[str]) -> bool:
    """Whether a name ends with one of the suffixes that are not empty, behind something else."""
    return any(suffix and name != suffix and name.endswith(suffix) for suffix in suffixes)


def _by_name(
    scans: Sequence[Scan],
    masks: Sequence[MaskFile],
    kind: str,
    image_suffix: str,
    mask_suffixes: Sequence[str],
) -> Pairs:
    reasons: dict[Path, str] = {}
    named: dict[str, Scan] = {}
    of_series = {scan.names.get(_SERIES, ""): scan for scan in scans}
    images: list[Scan] = []
    for scan in scans:
        name = scan.names.get(kind, "")
        if not name.endswith(image_suffix):
            continue
        images.append(scan)
        name = name.removesuffix(image_suffix)
        other = named.setdefault(name, scan)
        if name and other is not scan:
            reasons[scan.path] = f"{scan.path} and {other.path} have one name: rename one of them."
    mask_of: dict[Path, MaskFile] = {}
    for mask in masks:
        series = mask.segments.series if mask.segments else ""
        owner = of_series.get(series) if series else None
        owner = owner or _owner(mask.names[kind], named, mask_suffixes)
        if owner is None:
            reasons[mask.path] = f"{mask.path} belongs to no image: get its image, or rename it."
            continue
        first = mask_of.setdefault(owner.path, mask)
        if first is not mask:
            reasons[owner.path] = (
                f"{owner.path} has two masks, {first.path.name} and {mask.path}: keep one of them."
            )
    for scan in images:
        if scan.path not in mask_of and scan.path not in reasons:
            reasons[scan.path] = f"{scan.path} has no mask: add one, or move the image away."
    matched = [
        (scan, mask_of[scan.path])
        for scan in images
        if scan.path in mask_of and scan.path not in reasons
    ]
    return Pairs(tuple(matched), reasons)


def _owner(name: str, named: dict[str, Scan], suffixes: Sequence[str]) -> Scan | None:
    bare = [name.removesuffix(each) for each in suffixes if name.endswith(each)]
    return next((named[each] for each in bare if each and each in named), None)
