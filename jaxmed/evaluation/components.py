"""Connected components of label maps: the objects of a segmentation, and corrections by them.

A label map holds the class of each pixel or voxel. One value is the background; negative values,
which mark what is not labelled, belong to no component and are never changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.typing import Num

_MM3_OF_ML = 1000


def components(
    labels: Num[np.ndarray, "*space"], *, connectivity: int = 1, background: int = 0
) -> Num[np.ndarray, "*space"]:
    """The number of the component of each voxel: connected voxels of one class.

    Components are numbered from 1: those of the lowest class first, and of one class in the order
    of their first voxels.

    Args:
        labels: whole numbers [*space], with two axes or three.
        connectivity: how many axes neighbors may differ in: 1 are neighbors over faces (4 of a
            pixel, 6 of a voxel), as many as there are axes also over corners (8, or 26).
        background: the class that is no object.

    Returns:
        int32 of the same shape; 0 for the background and what is not labelled.

    Raises:
        ValueError: if labels are no such numbers, or connectivity is not among 1 .. axes.
    """
    labels, structure = _checked(labels, connectivity, background)
    numbers, before = np.zeros(labels.shape, np.int32), 0
    for label in _classes(labels, None, background):
        for box, own, count in _numbered(labels, label, structure):
            numbers[box][own > 0] = own[own > 0] + before
            before += count
    return numbers


def largest_component(
    labels: Num[np.ndarray, "*space"],
    *,
    classes: Sequence[int] | None = None,
    connectivity: int = 1,
    background: int = 0,
) -> Num[np.ndarray, "*space"]:
    """The label map with only the largest component of each class; others become background.

    For organs that a patient has once. Of components of one size the first is kept, in the order of
    their first voxels.

    Args:
        labels: as in `components`.
        classes: those that are changed; by default all but the background.
        connectivity: as in `components`.
        background: the class that is no object, and what removed voxels become.

    Returns:
        The changed copy, of the same dtype.

    Raises:
        ValueError: as `components`, or if classes are no whole numbers or hold the background.
    """
    labels, structure = _checked(labels, connectivity, background)
    result = labels.copy()
    for label in _classes(labels, classes, background):
        for box, own, _ in _numbered(labels, label, structure):
            sizes = np.bincount(own.ravel())[1:]
            result[box][(own > 0) & (own != 1 + sizes.argmax())] = background
    return result


def remove_small(
    labels: Num[np.ndarray, "*space"],
    *,
    voxels: int | None = None,
    milliliters: float | None = None,
    spacing: Sequence[float] | None = None,
    classes: Sequence[int] | None = None,
    connectivity: int = 1,
    background: int = 0,
) -> Num[np.ndarray, "*space"]:
    """The label map without components smaller than so many voxels, or than a volume.

    Args:
        labels: as in `components`.
        voxels: of the smallest component that is kept; pass this, or `milliliters`.
        milliliters: of the smallest component that is kept, for volumes of three axes.
        spacing: mm from one voxel to the next along each axis; needed with `milliliters`.
        classes: those that are changed; by default all but the background.
        connectivity: as in `components`.
        background: the class that is no object, and what removed voxels become.

    Returns:
        The changed copy, of the same dtype.

    Raises:
        ValueError: as `largest_component`, or if not exactly one size is given, or one in
            milliliters without `spacing` or for an image.
    """
    labels, structure = _checked(labels, connectivity, background)
    least = _least(labels.ndim, voxels, milliliters, spacing)
    result = labels.copy()
    for label in _classes(labels, classes, background):
        for box, own, _ in _numbered(labels, label, structure):
            small = np.bincount(own.ravel()) < least
            small[0] = False  # not of this class
            result[box][small[own]] = background
    return result


def fill_holes(
    labels: Num[np.ndarray, "*space"],
    *,
    classes: Sequence[int] | None = None,
    connectivity: int = 1,
    background: int = 0,
) -> Num[np.ndarray, "*space"]:
    """The label map whose classes have no holes: background that a class encloses becomes that.

    A voxel is enclosed by a class if every path from it to the border of the image meets the class.
    Other classes inside stay as they are. Classes are filled one after another: background that two
    of them enclose becomes the first.

    Args:
        labels: as in `components`.
        classes: those that are filled, in this order; by default all but the background, ascending.
        connectivity: how many axes two neighbors of a path may differ in; with 1 a wall of voxels
            that touch at corners only is closed.
        background: the class that is filled.

    Returns:
        The changed copy, of the same dtype.

    Raises:
        ValueError: as `largest_component`.
    """
    from scipy import ndimage

    labels, structure = _checked(labels, connectivity, background)
    result = labels.copy()
    for label in _classes(labels, classes, background):
        box = _box(labels == label)
        if box is not None:
            filled = ndimage.binary_fill_holes(labels[box] == label, structure)
            result[box][filled & (result[box] == background)] = label
    return result


def _checked(
    labels: np.ndarray, connectivity: int, background: int
) -> tuple[np.ndarray, np.ndarray]:
    """The labels as an array, and the neighbors of a voxel as SciPy wants them."""
    from scipy import ndimage

    labels = checks.real_array("labels", labels)
    if labels.dtype.kind not in "iu" or labels.ndim not in (2, 3) or labels.size == 0:
        raise ValueError(
            f"labels is {checks.shown(labels)}, but must hold whole numbers [height, width] or "
            "[depth, height, width]: take the class of each place, such as argmax of its "
            "probabilities."
        )
    connectivity = checks.whole("connectivity", connectivity, most=labels.ndim)
    most = min(np.iinfo(labels.dtype).max, checks.LARGEST)
    checks.whole("background", background, least=0, most=most)
    return labels, ndimage.generate_binary_structure(labels.ndim, connectivity)


def _classes(labels: np.ndarray, classes: Sequence[int] | None, background: int) -> list[int]:
    if classes is None:
        return [int(each) for each in np.unique(labels) if each >= 0 and each != background]
    found = checks.wholes("classes", classes, least=0)
    if background in found or len(set(found)) != len(found):
        raise ValueError(
            f"classes is {found}, but must name each class once and not {background}, the "
            "background: leave it out."
        )
    return list(found)


def _numbered(
    labels: np.ndarray, label: int, structure: np.ndarray
) -> Iterator[tuple[tuple[slice, ...], np.ndarray, int]]:
    """The box of a class, the numbers of its components there, and how many; or nothing."""
    from scipy import ndimage

    box = _box(labels == label)
    if box is not None:
        numbers, count = ndimage.label(labels[box] == label, structure)
        yield box, numbers, int(count)


def _box(mask: np.ndarray) -> tuple[slice, ...] | None:
    """The smallest box around what is True; None where nothing is."""
    box = []
    for axis in range(mask.ndim):
        there = np.flatnonzero(mask.any(tuple(a for a in range(mask.ndim) if a != axis)))
        if not there.size:
            return None
        box.append(slice(int(there[0]), int(there[-1]) + 1))
    return tuple(box)


def _least(
    axes: int, voxels: int | None, milliliters: float | None, spacing: Sequence[float] | None
) -> float:
    """Voxels of the smallest component that is kept."""
    if (voxels is None) == (milliliters is None):
        raise ValueError(
            f"voxels is {checks.shown(voxels)} and milliliters {checks.shown(milliliters)}, but "
            "must be one number and one None: pass the one that is meant."
        )
    if milliliters is None:
        if spacing is not None:
            raise ValueError(
                f"spacing is {checks.shown(spacing)}, which voxels does not need: leave it out, or "
                "pass milliliters."
            )
        return checks.whole("voxels", voxels, least=0)
    checks.at_least("milliliters", milliliters, 0)
    if axes != 3:
        raise ValueError(
            f"milliliters is {milliliters}, but must be None for labels of an image, which have no "
            "volume: pass voxels."
        )
    found = checks.sequence("spacing", spacing, "mm along each axis")
    for number in found:
        checks.positive("spacing", number)
    if len(found) != axes:
        raise ValueError(f"spacing is {found}, but must be {axes} numbers of mm, one per axis.")
    return float(milliliters) * _MM3_OF_ML / math.prod(map(float, found))
