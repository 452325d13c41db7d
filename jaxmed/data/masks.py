"""Objects that touch: three classes to be learned, and the objects found again from them.

A network that tells foreground from background merges objects that touch. With a class for their
borders, the insides stay apart; a border of `width` pixels on each side separates them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from jaxmed import checks

CLASSES = ("background", "inside", "border")
"""Names of the three classes in the order of their labels."""

__all__ = ["CLASSES", "instances", "with_borders"]


def with_borders(columns: Mapping[str, np.ndarray], *, width: int = 1) -> dict[str, np.ndarray]:
    """The columns with the three classes background, inside and border as their `label`.

    A pixel of an object is border where another object or the background is at most `width` pixels
    away along every axis (diagonals count as one step); the edge of the image is none. An object
    that is too thin to have an inside keeps one pixel of it, the farthest from its edge, so that no
    object is lost.

    Args:
        columns: with `instance` [rows, (depth,) height, width] whole numbers, 0 where there is no
            object. Where `label` is -1, so is the result.
        width: of the border in pixels, on the object's own side. Objects that touch are 2 * width
            apart then. An inside that is cut in two becomes two objects: keep it small.

    Returns:
        The columns with another `label`, int8; 0, 1 and 2 as in `CLASSES`.

    Raises:
        ValueError: There is no `instance`, or it holds no numbers of objects.

    Example:
        >>> line = np.array([[[0, 1, 1, 1, 2, 2, 2, 2]]])
        >>> with_borders({"instance": np.repeat(line, 3, axis=1)})["label"][0, 1].tolist()
        [0, 2, 1, 2, 2, 1, 1, 1]
    """
    checks.named_columns("columns", columns)
    width = checks.whole("width", width, most=1000)
    if "instance" not in columns:
        raise ValueError(
            f"columns has {', '.join(columns)}, but must have instance, the number of the object "
            "of each pixel."
        )
    instance = _numbers("columns['instance']", columns["instance"])
    if instance.ndim < 3:
        raise ValueError(
            f"columns['instance'] has shape {instance.shape}, but must be [rows, height, width] "
            "or [rows, depth, height, width]."
        )
    label = np.stack([_three_classes(each, width) for each in instance])
    unknown = columns.get("label", instance)
    checks.shapes(**{
        "columns['label']": (unknown, " ".join("abcde"[: instance.ndim])),
        "columns['instance']": (instance, " ".join("abcde"[: instance.ndim])),
    })  # fmt: skip
    return {**columns, "label": np.where(unknown < 0, np.int8(-1), label)}


def instances(label: np.ndarray, *, smallest: int = 1) -> np.ndarray:
    """The objects of one map of classes: `with_borders` the other way round.

    Each connected part of the inside is an object, which takes the pixels of the border that are
    nearest to it and belong to the same piece of foreground. A piece of border without an inside
    is no object.

    Args:
        label: [(depth,) height, width] whole numbers: 1 inside, 2 border, all else background.
        smallest: objects of fewer pixels are dropped.

    Returns:
        [(depth,) height, width] int32: objects from 1 on, 0 where there is none.

    Raises:
        ValueError: `label` is no map of whole numbers.

    Example:
        >>> instances(np.array([[0, 2, 1, 2, 2, 1, 1, 1]])).tolist()
        [[0, 1, 1, 1, 2, 2, 2, 2]]
    """
    from scipy import ndimage

    label = _numbers("label", label, least=-128)
    if label.ndim not in (2, 3):
        raise ValueError(
            f"label has shape {label.shape}, but must be the map of one image, [height, width] or "
            "[depth, height, width]."
        )
    smallest = checks.whole("smallest", smallest)
    whole = np.ones((3,) * label.ndim)
    inside, count = ndimage.label(label == 1, whole)
    if not count:
        return np.zeros(label.shape, np.int32)
    nearest = tuple(
        ndimage.distance_transform_edt(inside == 0, return_distances=False, return_indices=True)
    )
    foreground = (label == 1) | (label == 2)
    pieces, _ = ndimage.label(foreground, whole)
    grown = np.where(foreground & (pieces == pieces[nearest]), inside[nearest], 0)
    sizes = np.bincount(grown.ravel(), minlength=count + 1)
    kept = sizes >= smallest
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0)[grown].astype(np.int32)


def _three_classes(instance: np.ndarray, width: int) -> np.ndarray:
    from scipy import ndimage

    lowest = ndimage.minimum_filter(instance, size=2 * width + 1, mode="nearest")
    highest = ndimage.maximum_filter(instance, size=2 * width + 1, mode="nearest")
    inside = (lowest == highest) & (instance > 0)
    for number in np.setdiff1d(instance, instance[inside]):
        if number:
            inside[_deepest(instance == number)] = True
    return np.where(instance == 0, 0, np.where(inside, 1, 2)).astype(np.int8)


def _deepest(object_: np.ndarray) -> tuple[np.intp, ...]:
    """The pixel that is farthest from the edge of an object."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(object_, 1))
    center = tuple(slice(1, -1) for _ in object_.shape)
    return np.unravel_index(np.argmax(depth[center]), object_.shape)


def _numbers(name: str, value: np.ndarray, *, least: int = 0) -> np.ndarray:
    found = checks.real_array(name, value)
    if not found.size or found.dtype.kind not in "iu" or found.min() < least:
        raise ValueError(
            f"{name} is {checks.shown(value)}, but must hold whole numbers of at least {least}: "
            "number the objects of each image from 1, and the background 0."
        )
    return found
