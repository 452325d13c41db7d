"""Conformal sets: classes of which the true one is among them as often as asked."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_arguments import (
    classes_and_probabilities,
    density_ratios,
    group_labels,
    group_places,
    refuse_unasked,
)
from jaxmed.evaluation.conformal_quantile import check_enough, conformal_quantile, exact
from jaxmed.evaluation.conformal_scores import METHODS, class_scores, of_label, regularized
from jaxmed.metrics.arguments import class_probabilities
from jaxmed.typing import Bool, Float, Int

BY_CLASS = "class"
"""The value of `by` with which each class has a threshold of its own."""


@dataclasses.dataclass(frozen=True, eq=False)
class ConformalSets:
    """What `fit_sets` counted, from which sets of new rows are made.

    Attributes:
        level: asked coverage.
        method: of the scores.
        thresholds: largest score that is in a set: [1], one per class, or one per group; of
            weighted rows the sorted calibration scores [rows].
        groups: names of the groups, in the order of their thresholds, or None.
        by_class: whether there is a threshold per class.
        penalty: of RAPS.
        free_rank: of RAPS, up to which a rank costs nothing.
        seed: of randomized scores, or None.
        weights: of the calibration rows, in the order of their scores, or None.
    """

    level: float
    method: str
    thresholds: np.ndarray
    groups: np.ndarray | None = None
    by_class: bool = False
    penalty: float = 0.0
    free_rank: int = 1
    seed: int | None = None
    weights: np.ndarray | None = None

    def sets(
        self,
        probabilities: Float[np.ndarray, "rows classes"],
        groups: Any = None,
        *,
        weights: Float[np.ndarray, " rows"] | None = None,
    ) -> Bool[np.ndarray, "rows classes"]:
        """Which classes are in the set of each row.

        A set may be empty: no class of the row was as likely as the true ones were in calibration.
        The set of a row depends on that row alone, also where sets are randomized: in one call or
        row by row, and in any order, it is the same.

        Args:
            probabilities: [rows, classes].
            groups: of the rows, where the sets were fitted by group.
            weights: of the rows, where the sets were fitted with weights, in the same unit.

        Returns:
            [rows, classes].

        Raises:
            ValueError: if the arrays disagree with those of `fit_sets`, or a group was not there.
        """
        probabilities = class_probabilities(probabilities)
        if self.by_class and probabilities.shape[1] != len(self.thresholds):
            raise ValueError(
                f"probabilities has {probabilities.shape[1]} columns, but the sets were fitted for "
                f"{len(self.thresholds)} classes: pass those of the same model."
            )
        rows = len(probabilities)
        scores = class_scores(
            np,
            self.method,
            probabilities,
            draws=None if self.seed is None else _draws(probabilities, self.seed),
            penalty=self.penalty,
            free_rank=self.free_rank,
        )
        refuse_unasked("groups", groups, asked=self.groups is not None)
        refuse_unasked("weights", weights, asked=self.weights is not None)
        if self.groups is not None:
            places = group_places("groups", groups, self.groups, rows)
            return scores <= self.thresholds[places][:, None]
        if self.weights is not None:
            return scores <= self._weighted(density_ratios("weights", weights, rows))[:, None]
        return scores <= self.thresholds[None]

    def _weighted(self, weights: np.ndarray) -> np.ndarray:
        """The threshold of each row: its own weight stands at an infinite score."""
        assert self.weights is not None
        reached = np.cumsum(self.weights)
        wanted = self.level * (reached[-1] + weights)
        # A sum that falls short by rounding alone is enough.
        places = np.searchsorted(reached, wanted * (1 - 1e-12))
        return np.append(self.thresholds, np.inf)[places]


def fit_sets(
    label: Int[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    level: float = 0.9,
    method: str = "threshold",
    by: Any = None,
    weights: Float[np.ndarray, " rows"] | None = None,
    seed: int | None = None,
    regularization: tuple[float, int] | None = None,
) -> ConformalSets:
    """Thresholds of conformal sets, counted on calibration rows (split conformal prediction).

    The set of a new row holds the classes whose score is at most the ceil((n + 1) level)-th
    smallest score of the true classes of the n calibration rows:

        threshold: 1 - p, the smallest sets on average (also called LAC)
        aps:       probability of the classes down to this one; sets grow with difficulty
        raps:      aps, and a penalty for each rank beyond a free one; smaller than aps with
                   many classes

    **Guaranteed**: if calibration rows and a new row are exchangeable, its set holds the true class
    with a probability of at least `level`, whatever the model; with distinct scores at most level +
    1 / (n + 1). With `by` it holds within each class or group, with `weights` under the known
    shift.

    **Not guaranteed**: the coverage of one calibration, which varies as `coverage_law` says; of
    patients of one kind, unless `by` names it; of rows from another hospital or device (see
    `exchangeability_test`); with rows that the model was trained or tuned on; and nothing about one
    patient.

    Args:
        label: true classes of the calibration rows [rows].
        probabilities: of the same rows [rows, classes].
        level: asked coverage, in (0, 1).
        method: "threshold", "aps" or "raps".
        by: None for one threshold; "class" for one per class; labels of groups [rows], numbers or
            strings, for one per group (Mondrian).
        weights: how much more frequent rows like this one are among the new rows than among the
            calibration rows [rows], up to a common factor; a density ratio.
        seed: with which APS and RAPS are randomized, which makes their coverage exact and
            their sets smaller; by default they are not. The uniform number of a row is
            a hash of its probabilities and the seed, so that it does not depend on how rows are
            batched. Rows of equal probabilities share it and have equal sets: where there are few
            different ones, coverage is at least `level`, but not exact.
        regularization: of RAPS, a penalty of at least 0 and a free rank of at least 1; by default a
            fifth of the rows chooses them and calibrates nothing else.

    Raises:
        ValueError: if arrays disagree, or there are too few rows for the level, in all or of a
            class or group; it says how many are needed.

    Example:
        >>> label = np.arange(20) % 2
        >>> p = np.where(label == 1, 0.9, 0.2)
        >>> found = fit_sets(label, np.stack([1 - p, p], axis=1), level=0.9)
        >>> found.sets(np.array([[0.85, 0.15], [0.5, 0.5]]))
        array([[ True, False],
               [False, False]])

    References:
        Threshold: Sadinle, Lei and Wasserman, 2019. APS: Romano, Sesia and Candès, 2020. RAPS:
        Angelopoulos, Bates, Malik and Jordan, 2021. By class or group: Vovk, 2012. Weights:
        Tibshirani, Barber, Candès and Ramdas, 2019, corollary 1.
    """
    exact(level)
    checks.known("method", method, METHODS)
    label, probabilities = classes_and_probabilities(label, probabilities)
    rows = len(label)
    by_class = isinstance(by, str) and by == BY_CLASS
    groups = None if by is None or by_class else group_labels("by", by, rows)
    if weights is not None:
        weights = density_ratios("weights", weights, rows)
        if by is not None:
            raise ValueError(
                "weights are given together with by, but a threshold is weighted or of a class or "
                "group: leave one of them out."
            )
    draws = None
    if seed is not None:
        draws = _draws(probabilities, checks.whole("seed", seed, least=0))
    for name, value in {"seed": seed, "regularization": regularization}.items():
        if value is not None and method == "threshold":
            raise ValueError(f"{name} is {value}, but the method threshold has none: leave it out.")
    kept, penalty, free_rank = regularized(
        method, label, probabilities, level, draws, regularization, seed or 0
    )
    scores = class_scores(
        np, method, probabilities, draws=draws, penalty=penalty, free_rank=free_rank
    )
    true = of_label(scores, label)[kept]
    found = ConformalSets(
        float(level), method, true, penalty=penalty, free_rank=free_rank, seed=seed
    )
    if weights is not None:
        check_enough(len(true), level, "calibration")
        order = np.argsort(true, kind="stable")
        return dataclasses.replace(found, thresholds=true[order], weights=weights[kept][order])
    if by_class:
        of_class = class_thresholds(true, label[kept], probabilities.shape[1], level)
        return dataclasses.replace(found, thresholds=of_class, by_class=True)
    if groups is not None:
        names, of_group = group_thresholds(true, groups[kept], level)
        return dataclasses.replace(found, thresholds=of_group, groups=names)
    return dataclasses.replace(found, thresholds=np.array([conformal_quantile(true, level)]))


def class_thresholds(
    scores: np.ndarray, label: np.ndarray, classes: int, level: float
) -> np.ndarray:
    """The quantile of the scores of each class [classes]; refused where one has too few rows."""
    of = "by: class {} of the calibration"
    each = range(classes)
    return np.array([conformal_quantile(scores[label == n], level, of=of.format(n)) for n in each])


def group_thresholds(
    scores: np.ndarray, groups: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """The names of the groups, sorted, and the quantile of the scores of each [groups]."""
    names = np.unique(groups)
    of = "by: group {!r} of the calibration"
    found = [
        conformal_quantile(scores[groups == name], level, of=of.format(name.item()))
        for name in names
    ]
    return names, np.array(found)


def _draws(probabilities: np.ndarray, seed: int) -> np.ndarray:
    """Numbers in [0, 1) that look uniform [rows]: 53 bits of a hash of each row, keyed by the seed.

    A score is then a function of its row alone, in the calibration as later, so that scores of
    exchangeable rows are exchangeable however the rows are batched.
    """
    key = seed.to_bytes(8, "little")
    # -0.0 + 0.0 is 0.0: equal numbers have equal bytes.
    rows = np.ascontiguousarray(probabilities + 0.0, dtype="<f8")
    digests = b"".join(hashlib.blake2b(row, digest_size=8, key=key).digest() for row in rows)
    return (np.frombuffer(digests, "<u8") >> np.uint64(11)) * 2.0**-53
