"""Agreement of two instance maps: which objects were found, and how well."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.label_maps import pair_of_instances
from jaxmed.typing import Float, Int

__all__ = ["ObjectAgreement", "aggregated_jaccard", "object_agreement"]


class ObjectAgreement(NamedTuple):
    """How many objects were found, at each threshold.

    Attributes:
        f1: 2 TP / (2 TP + FP + FN) [thresholds], where TP is the number of matches.
        precision: TP / (TP + FP), the part of the predicted objects that are right.
        sensitivity: TP / (TP + FN), the part of the true objects that were found.
        matches: TP.
        true_objects: TP + FN.
        predicted_objects: TP + FP.
    """

    f1: Float[np.ndarray, "thresholds"]
    precision: Float[np.ndarray, "thresholds"]
    sensitivity: Float[np.ndarray, "thresholds"]
    matches: Int[np.ndarray, "thresholds"]
    true_objects: int
    predicted_objects: int


def object_agreement(
    truth: Int[np.ndarray, "*space"],
    predicted: Int[np.ndarray, "*space"],
    *,
    thresholds: Sequence[float] = (0.5,),
) -> ObjectAgreement:
    """Precision, sensitivity and F1 of objects that are matched one to one.

    A true and a predicted object can be matched if their intersection over union (IoU) is above the
    threshold. Above 0.5 no object has two candidates. Below, as many pairs as possible are matched,
    and among those the pairs of the largest total IoU (Hungarian method).

    Without objects in either map all three are 1, with objects in one of them 0. `matches` and the
    numbers of objects of several images add up to their pooled F1.

    Args:
        truth: number of the object at each voxel [*space], 0 where there is none, -1 where a voxel
            is not labelled, which then does not count. Numbers need not follow each other.
        predicted: number of the predicted object in the same space.
        thresholds: of the IoU, in [0, 1).

    Returns:
        An `ObjectAgreement`.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> truth = np.array([[1, 1, 0, 2, 2, 2]])
        >>> object_agreement(truth, np.array([[1, 1, 0, 0, 2, 2]]), thresholds=(0.5, 0.7)).f1
        array([1. , 0.5])

    References:
        Caicedo et al., Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl,
        2019, online methods; Kirillov et al., Panoptic Segmentation, 2019, section 4.1 (matches
        above 0.5 are unique).
    """
    levels = checks.sequence("thresholds", thresholds, "numbers in [0, 1)")
    for number, level in enumerate(levels):
        checks.fraction(f"thresholds[{number}]", level, below_one=True)
    if not levels:
        raise ValueError("thresholds is empty, but must hold a number in [0, 1): pass (0.5,).")
    pairs = _pairs(truth, predicted)
    iou = pairs.shared / (pairs.true_sizes[pairs.true] + pairs.sizes[pairs.found] - pairs.shared)
    matches = np.array([_matches(pairs, iou, float(level)) for level in levels])
    true, found = len(pairs.true_sizes), len(pairs.sizes)

    def share(part: np.ndarray, whole: int) -> np.ndarray:
        return np.ones(len(part)) if true + found == 0 else part / max(whole, 1)

    return ObjectAgreement(
        f1=share(2 * matches, true + found),
        precision=share(matches, found),
        sensitivity=share(matches, true),
        matches=matches,
        true_objects=true,
        predicted_objects=found,
    )


def aggregated_jaccard(
    truth: Int[np.ndarray, "*space"], predicted: Int[np.ndarray, "*space"]
) -> float:
    """Aggregated Jaccard index (AJI): one ratio of voxels over all objects.

    Each true object is compared with the predicted one of the largest IoU. The index is the sum of
    their intersections divided by the sum of their unions, to which the sizes of all predicted
    objects are added that were compared with no true one. As published, several true objects may be
    compared with one prediction.

    Args:
        truth: number of the object at each voxel [*space], 0 where there is none, -1 where a voxel
            is not labelled, which then does not count.
        predicted: number of the predicted object in the same space.

    Returns:
        In [0, 1]; 1 without objects in either map.

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> aggregated_jaccard(np.array([[1, 1, 0, 2]]), np.array([[1, 0, 0, 3]]))
        0.6666666666666666

    References:
        Kumar et al., A Dataset and a Technique for Generalized Nuclear Segmentation for
        Computational Pathology, 2017, algorithm 1.
    """
    pairs = _pairs(truth, predicted)
    if not len(pairs.true_sizes) + len(pairs.sizes):
        return 1.0
    union = pairs.true_sizes[pairs.true] + pairs.sizes[pairs.found] - pairs.shared
    # The last one that is written stays: pairs in the order of their IoU leave the best one.
    order = np.argsort(pairs.shared / union, kind="stable")
    best = np.full(len(pairs.true_sizes), -1)
    best[pairs.true[order]] = order
    compared = best[best >= 0]
    unused = np.ones(len(pairs.sizes), bool)
    unused[pairs.found[compared]] = False
    total = union[compared].sum() + pairs.true_sizes[best < 0].sum() + pairs.sizes[unused].sum()
    return float(pairs.shared[compared].sum() / total)


class _Pairs(NamedTuple):
    """Sizes of the objects, and the pairs of them that share voxels."""

    true_sizes: np.ndarray
    """[true objects], in voxels."""
    sizes: np.ndarray
    """[predicted objects], in voxels."""
    true: np.ndarray
    """[pairs], the place of the true object."""
    found: np.ndarray
    """[pairs], the place of the predicted object."""
    shared: np.ndarray
    """[pairs], voxels in both."""


def _pairs(truth: np.ndarray, predicted: np.ndarray) -> _Pairs:
    truth, predicted = pair_of_instances(truth, predicted)
    labelled = truth >= 0
    truth, predicted = truth[labelled], predicted[labelled]
    true, true_sizes = np.unique(truth[truth > 0], return_counts=True)
    found, sizes = np.unique(predicted[predicted > 0], return_counts=True)
    both = (truth > 0) & (predicted > 0)
    row, column = np.searchsorted(true, truth[both]), np.searchsorted(found, predicted[both])
    width = max(len(found), 1)
    cells, shared = np.unique(row * width + column, return_counts=True)
    return _Pairs(true_sizes, sizes, cells // width, cells % width, shared)


def _matches(pairs: _Pairs, iou: np.ndarray, threshold: float) -> int:
    """How many pairs can be matched one to one."""
    candidates = iou > threshold
    if threshold >= 0.5:
        return int(candidates.sum())
    from scipy.optimize import linear_sum_assignment

    rows, row = np.unique(pairs.true[candidates], return_inverse=True)
    columns, column = np.unique(pairs.found[candidates], return_inverse=True)
    worth = np.zeros((len(rows), len(columns)))
    # One more match is worth more than any IoU that all others could gain.
    worth[row, column] = 1 + iou[candidates] / (1 + min(worth.shape))
    chosen = linear_sum_assignment(worth, maximize=True)
    return int((worth[chosen] > 0).sum())
