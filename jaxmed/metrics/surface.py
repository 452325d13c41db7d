"""Distances between the surfaces of a segmentation and of its truth, in millimeters.

The surface of a class is its voxels with a neighbor along an axis that is of another class, or that
lies outside of the image. A distance is the one from the center of a surface voxel to that of the
nearest surface voxel of the other map. MONAI defines both in the same way.
"""

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.metrics.label_maps import LabelMap, check_space, pair_of_labels, voxel_spacing
from jaxmed.typing import Bool, Float, Num

__all__ = ["surface_agreement"]


def surface_agreement(
    truth: LabelMap,
    predicted: LabelMap,
    *,
    classes: int,
    spacing: Num[np.ndarray, "axes"] | Sequence[float] | None = None,
    tolerance: float | Sequence[float] = 1.0,
    worst_distance: float | None = None,
) -> dict[str, Float[np.ndarray, "classes"]]:
    """How far the surfaces of each class are apart.

    With A the distances from the true surface to the predicted one, and B those back:

    ==============  ==============================================================================
    hd95            Hausdorff distance with percentiles, in mm: the larger one of the 95th
                    percentiles of A and of B, interpolated linearly
    assd            average symmetric surface distance, in mm: the mean of A and B together
    surface_dice    the part of both surfaces that is within `tolerance` of the other one
    ==============  ==============================================================================

    Where a class is in neither map, distances are 0 and the surface Dice is 1. Where it is in only
    one of them, no distance is defined: it is set to `worst_distance`, and the surface Dice is 0.
    The default, the diagonal of the image, is above every distance that two surfaces in it can
    have, so that missing a structure is never better than finding it in a wrong place. The BraTS
    challenges do so. Means of distances then depend on how many structures were missed: report that
    number beside them.

    Unlabelled voxels are in no class; a class that reaches them has a surface there in both maps.

    Args:
        truth: classes [height, width] or [depth, height, width]; -1 where a voxel does not count.
        predicted: classes in the same space.
        classes: number of classes, at least 2.
        spacing: mm per voxel along each axis, greater than 0; 1 without.
        tolerance: distance in mm, at least 0, that counts as none, such as the difference between
            two experts; one, or one per class.
        worst_distance: in mm, at least 0; by default the diagonal of the image.

    Returns:
        Arrays [classes] by name, all finite.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    References:
        Huttenlocher et al., Comparing images using the Hausdorff distance, 1993; Heimann et al.,
        Comparison and Evaluation of Methods for Liver Segmentation From CT Datasets, 2009 (average
        symmetric surface distance); Nikolov et al., Clinically Applicable Segmentation of Head and
        Neck Anatomy for Radiotherapy, 2021 (surface Dice; here each surface voxel counts as one).
    """
    truth, predicted, classes = pair_of_labels(truth, predicted, classes)
    check_space(truth)
    steps = voxel_spacing(spacing, truth.ndim)
    tolerances = _tolerances(tolerance, classes)
    if worst_distance is None:
        worst_distance = float(np.linalg.norm(steps * truth.shape))
    checks.at_least("worst_distance", worst_distance, 0)
    worst = float(worst_distance)
    # A voxel that is not labelled is of no class in the prediction either.
    predicted = np.where(truth < 0, -1, predicted)
    rows = [
        _agreement(truth == k, predicted == k, steps, tolerances[k], worst) for k in range(classes)
    ]
    names = ("hd95", "assd", "surface_dice")
    return dict(zip(names, np.array(rows).T, strict=True))


def _agreement(
    truth: np.ndarray, predicted: np.ndarray, steps: np.ndarray, tolerance: float, worst: float
) -> tuple[float, float, float]:
    """Hausdorff distance, average distance and surface Dice of one class."""
    if not truth.any() and not predicted.any():
        return 0.0, 0.0, 1.0
    if not truth.any() or not predicted.any():
        return worst, worst, 0.0
    box = _bounding_box(truth | predicted)
    surfaces = _surface(truth[box]), _surface(predicted[box])
    there, back = _distances(*surfaces, steps), _distances(*surfaces[::-1], steps)
    both = np.concatenate([there, back])
    hd95 = max(np.percentile(there, 95), np.percentile(back, 95))
    return float(hd95), float(both.mean()), float((both <= tolerance).mean())


def _bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box that holds the mask; all distances between surfaces lie in it."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(each for each in range(mask.ndim) if each != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        box.append(slice(occupied[0], occupied[-1] + 1))
    return tuple(box)


def _surface(mask: Bool[np.ndarray, "*space"]) -> Bool[np.ndarray, "*space"]:
    """Voxels of the mask with a neighbor along an axis that is outside of the mask or the box."""
    from scipy import ndimage

    return mask & ~ndimage.binary_erosion(mask)


def _distances(
    start: Bool[np.ndarray, "*space"], end: Bool[np.ndarray, "*space"], steps: np.ndarray
) -> Float[np.ndarray, "voxels"]:
    """The distance from each voxel of one surface to the nearest one of the other."""
    from scipy.spatial import KDTree

    found = np.zeros(np.count_nonzero(start))
    apart = ~end[start]
    if apart.any():
        # Built faster, and for points on a grid not slower to ask.
        tree = KDTree(np.argwhere(end) * steps, balanced_tree=False, compact_nodes=False)
        found[apart] = tree.query(np.argwhere(start)[apart] * steps)[0]
    return found


def _tolerances(tolerance: float | Sequence[float], classes: int) -> np.ndarray:
    """One tolerance per class."""
    found = checks.real_array("tolerance", tolerance).astype(np.float64)
    if found.shape not in ((), (classes,)):
        raise ValueError(
            f"tolerance has shape {found.shape}, but must be one number in mm, or one per class, "
            f"({classes},)."
        )
    wrong = found[~((found >= 0) & np.isfinite(found))]
    if wrong.size:
        raise ValueError(f"tolerance holds {wrong[0]}, but must be finite and at least 0.")
    return np.broadcast_to(found, (classes,))
