"""Checks of label maps, of the spacing of their voxels, and of instance maps."""

from typing import TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.typing import Bool, Num

LabelMap: TypeAlias = Num[np.ndarray, "*space"] | Bool[np.ndarray, "*space"]
"""The class of each voxel; true and false are the classes 1 and 0."""


def pair_of_labels(
    truth: np.ndarray, predicted: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Both maps of labels of one shape, and the number of classes; refused where they are none.

    Args:
        truth: -1 .. classes - 1; -1 where a voxel is not labelled.
        predicted: 0 .. classes - 1.
        classes: at least 2.
    """
    classes = checks.whole("classes", classes, least=2, most=10_000)
    pair = (
        _whole_numbers("truth", truth, -1, classes - 1),
        _whole_numbers("predicted", predicted, 0, classes - 1),
    )
    _check_shapes(*pair)
    return *pair, classes


def pair_of_instances(truth: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both maps of the numbers of objects, 0 where there is none; -1 in the truth: not labelled."""
    most = np.iinfo(np.int32).max
    pair = (
        _whole_numbers("truth", truth, -1, most),
        _whole_numbers("predicted", predicted, 0, most),
    )
    _check_shapes(*pair)
    return pair


def voxel_spacing(spacing: object, axes: int) -> np.ndarray:
    """Millimeters per voxel along each axis; 1 without."""
    if spacing is None:
        return np.ones(axes)
    found = checks.real_array("spacing", spacing, "axes").astype(np.float64)
    if len(found) != axes:
        raise ValueError(
            f"spacing has {len(found)} numbers, but truth has {axes} axes: give one number in mm "
            "per axis."
        )
    wrong = found[~((found > 0) & np.isfinite(found))]
    if wrong.size:
        raise ValueError(
            f"spacing holds {wrong[0]:g}, but must hold finite numbers greater than 0: give the "
            "millimeters per voxel."
        )
    return found


def check_space(truth: np.ndarray) -> None:
    """Refuse maps of other than one image or volume."""
    if truth.ndim not in (2, 3):
        raise ValueError(
            f"truth and predicted have shape {truth.shape}, but must be [height, width] or "
            "[depth, height, width]: pass one case at a time."
        )


def _whole_numbers(name: str, value: np.ndarray, least: int, most: int) -> np.ndarray:
    """An array of whole numbers in least .. most that is not empty."""
    found = checks.real_array(name, value)
    if not found.size or not found.ndim:
        raise ValueError(f"{name} has shape {found.shape}, but must hold voxels.")
    if found.dtype.kind not in "biu":
        wrong = found[~(found == np.floor(found))]
        if wrong.size:
            raise ValueError(f"{name} holds {wrong[0]}, but must hold whole numbers: round it.")
    for extreme in (found.min(), found.max()):
        if not least <= extreme <= most:
            raise ValueError(f"{name} holds {extreme}, but must lie in {least} .. {most}.")
    return found if found.dtype.kind in "iu" else found.astype(np.int32)


def _check_shapes(truth: np.ndarray, predicted: np.ndarray) -> None:
    if truth.shape != predicted.shape:
        raise ValueError(
            f"truth has shape {truth.shape} and predicted {predicted.shape}, but both must have "
            "one shape: bring the prediction back to the grid of the truth."
        )
