"""Agreement of a segmentation with its truth, class by class: overlap, volume, surfaces.

Both are label maps of one case: the class of each voxel, 0 .. classes - 1. Voxels where the truth
is -1 are not labelled and do not count. All functions return numbers per class, [classes]; class 0
is a class like the others, and means are left to the caller.

An empty class gives no NaN. Where a class is in neither map, overlap is 1 and distance 0; where it
is in one of them, overlap is 0 and distance the largest that the image allows. Counts of voxels
tell how often this happened.
"""

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.metrics.label_maps import LabelMap, check_space, pair_of_labels, voxel_spacing
from jaxmed.metrics.surface import surface_agreement
from jaxmed.typing import Float, Int, Num

__all__ = ["dice", "overlap", "overlap_of_counts", "segmentation_case", "voxel_counts"]


def segmentation_case(
    truth: LabelMap,
    predicted: LabelMap,
    *,
    classes: int,
    spacing: Num[np.ndarray, "axes"] | Sequence[float] | None = None,
    tolerance: float | Sequence[float] = 1.0,
    surfaces: bool = True,
    worst_distance: float | None = None,
) -> dict[str, Float[np.ndarray, "classes"]]:
    """All statistics of one case: those of `overlap`, and of `surface_agreement` with `surfaces`.

    Args:
        truth: classes [height, width] or [depth, height, width]; -1 where a voxel does not count.
        predicted: classes in the same space.
        classes: number of classes, at least 2.
        spacing: mm per voxel along each axis; 1 without, and then no volumes in ml.
        tolerance: of the surface Dice in mm, one or one per class.
        surfaces: whether to compute distances of surfaces, which takes most of the time.
        worst_distance: where a class is in only one of the maps, in mm; by default the diagonal of
            the image.

    Returns:
        Arrays [classes] by name, all finite.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> truth = np.zeros((4, 4), int)
        >>> truth[1:3, 1:3] = 1
        >>> found = segmentation_case(truth, np.roll(truth, 1, axis=0), classes=2)
        >>> found["dice"][1], found["hd95"][1]
        (np.float64(0.5), np.float64(1.0))
    """
    checks.flag("surfaces", surfaces)
    truth, predicted, classes = pair_of_labels(truth, predicted, classes)
    check_space(truth)
    found = overlap(truth, predicted, classes=classes, spacing=spacing)
    if not surfaces:
        return found
    return found | surface_agreement(
        truth,
        predicted,
        classes=classes,
        spacing=spacing,
        tolerance=tolerance,
        worst_distance=worst_distance,
    )


def overlap(
    truth: LabelMap,
    predicted: LabelMap,
    *,
    classes: int,
    spacing: Num[np.ndarray, "axes"] | Sequence[float] | None = None,
) -> dict[str, Float[np.ndarray, "classes"]]:
    """Overlap and volume of each class in one case.

    Args:
        truth: classes [*space]; -1 where a voxel does not count.
        predicted: classes in the same space.
        classes: number of classes, at least 2.
        spacing: mm per voxel along each axis.

    Returns:
        What `overlap_of_counts` gives, [classes] by name; with `spacing` and three axes also
        `truth_ml`, `predicted_ml` and `volume_error_ml` (predicted minus true).

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.
    """
    found = overlap_of_counts(voxel_counts(truth, predicted, classes=classes))
    axes = np.ndim(truth)
    steps = voxel_spacing(spacing, axes)
    if spacing is None or axes != 3:
        return found
    ml = steps.prod() / 1000
    volumes = {name: found[f"{name}_voxels"] * ml for name in ("truth", "predicted")}
    return found | {
        "truth_ml": volumes["truth"],
        "predicted_ml": volumes["predicted"],
        "volume_error_ml": volumes["predicted"] - volumes["truth"],
    }


def dice(truth: LabelMap, predicted: LabelMap, *, classes: int) -> Float[np.ndarray, "classes"]:
    """Dice coefficient of each class: twice the shared voxels divided by those of both maps.

    Args:
        truth: classes [*space]; -1 where a voxel does not count. With a first axis of cases, the
            voxels of all cases are pooled.
        predicted: classes in the same space.
        classes: number of classes, at least 2.

    Returns:
        [classes], in [0, 1]; 1 where a class is in neither map.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> dice(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), classes=2)
        array([0.66666667, 0.8       ])
    """
    return overlap_of_counts(voxel_counts(truth, predicted, classes=classes))["dice"]


def voxel_counts(
    truth: LabelMap, predicted: LabelMap, *, classes: int
) -> Int[np.ndarray, "classes classes"]:
    """Labelled voxels by true and predicted class, the confusion matrix of one case.

    Matrices of several cases add up.

    Args:
        truth: classes [*space]; -1 where a voxel does not count.
        predicted: classes in the same space.
        classes: number of classes, at least 2.

    Returns:
        int64 [classes, classes]: rows are true classes, columns predicted ones.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.
    """
    truth, predicted, classes = pair_of_labels(truth, predicted, classes)
    # The cell of an unlabelled voxel lies in a row of its own before the others.
    cell = (truth.astype(np.int64) + 1) * classes + predicted
    counts = np.bincount(cell.ravel(), minlength=(classes + 1) * classes)
    return counts.reshape(classes + 1, classes)[1:]


def overlap_of_counts(
    counts: Num[np.ndarray, "*cases classes classes"],
) -> dict[str, Float[np.ndarray, "*cases classes"]]:
    """Overlap of each class from counts of voxels.

    With TP voxels of the class in both maps, T in the truth and P in the prediction:

    =================  =======================  =================================================
    name               formula                  meaning
    =================  =======================  =================================================
    dice               2 TP / (T + P)           Dice coefficient, which is F1 over voxels
    iou                TP / (T + P - TP)        intersection over union, Jaccard index
    sensitivity        TP / T                   the part of the structure that was found
    precision          TP / P                   the part of the prediction that is right
    volume_error       (P - T) / T              relative error of the volume, signed
    truth_voxels       T
    predicted_voxels   P
    =================  =======================  =================================================

    Where T = P = 0, the first four are 1 and the volume error 0. Where one of T and P is 0, the
    first four are 0, also the one whose formula is 0 / 0, so that neither missing a structure nor
    inventing one raises a mean. The volume error of an invented structure is 1.

    Args:
        counts: of one case, or of several at once: rows are true classes, columns predicted ones,
            as from `voxel_counts`.

    Returns:
        float64 [*cases, classes] by name.

    Raises:
        ValueError: if `counts` is no square or holds negative numbers.

    References:
        Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, 2015, section 3.
    """
    counts = checks.real_array("counts", counts)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2] or counts.shape[-1] < 2:
        raise ValueError(
            f"counts has shape {counts.shape}, but must be [..., classes, classes] with at least "
            "2 classes."
        )
    counts = counts.astype(np.float64)
    wrong = counts[~((counts >= 0) & np.isfinite(counts))]
    if wrong.size:
        raise ValueError(f"counts holds {wrong[0]}, but must hold finite numbers of at least 0.")
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    truth, predicted = counts.sum(-1), counts.sum(-2)
    empty = truth + predicted == 0

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.where(empty, 1.0, part / np.where(whole > 0, whole, 1.0))

    error = (predicted - truth) / np.where(truth > 0, truth, 1.0)
    return {
        "dice": share(2 * both, truth + predicted),
        "iou": share(both, truth + predicted - both),
        "sensitivity": share(both, truth),
        "precision": share(both, predicted),
        "volume_error": np.where(truth > 0, error, (predicted > 0).astype(np.float64)),
        "truth_voxels": truth,
        "predicted_voxels": predicted,
    }
