"""Whether new rows look like the calibration rows, without which no coverage is promised."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.conformal_arguments import classes_and_probabilities, group_labels
from jaxmed.evaluation.conformal_scores import class_scores, of_label
from jaxmed.metrics.arguments import check_rows, class_probabilities
from jaxmed.typing import Float, Int

_FEWEST = 5
"""Rows of a class on either side, below which it is not tested by itself."""


@dataclasses.dataclass(frozen=True)
class ExchangeabilityTest:
    """Tests that two sets of rows come from one distribution.

    Attributes:
        p_values: of each test by what it compares, each by itself.
        p_value: of all together, the smallest times their number (Bonferroni).
        alpha: at or below which `p_value` warns.
    """

    p_values: Mapping[str, float]
    p_value: float
    alpha: float

    @property
    def warning(self) -> str | None:
        """One sentence where the rows are not exchangeable, else None."""
        if self.p_value > self.alpha:
            return None
        worst = min(self.p_values, key=lambda name: self.p_values[name])
        return (
            "The rows are not exchangeable with the calibration rows "
            f"(p = {self.p_value:.2g}, most of all by {worst}): the asked coverage is not "
            "promised for them; calibrate with rows of the same source."
        )


def exchangeability_test(
    calibration: Float[np.ndarray, "rows classes"],
    new: Float[np.ndarray, "others classes"],
    calibration_label: Int[np.ndarray, " rows"] | None = None,
    new_label: Int[np.ndarray, " others"] | None = None,
    *,
    calibration_groups: Any = None,
    new_groups: Any = None,
    classes: Sequence[str] | None = None,
    alpha: float = 0.01,
) -> ExchangeabilityTest:
    """Tests between calibration rows and new rows.

    With labels it compares the scores 1 - p of the true class, of all rows and of those of each
    class (Kolmogorov-Smirnov): these are what coverage depends on. It also compares how frequent
    the classes are (Pearson's chi-squared): where they differ, the rows come from another
    population, and the coverage of all rows is another mean of those of the classes. Without labels
    it compares the largest probability, the score of rows that are predicted right, as can be done
    before any outcome is known.

    **Assumed**: the rows that are compared are independent. Rows of one patient are not: without
    groups several of them make a warning by chance far more likely. With groups one row of each is
    compared, drawn by a fixed rule that does not look at the scores. No patient should be in both
    sets.

    A warning means that the asked coverage is not promised; on exchangeable rows it comes by chance
    with a probability of at most about `alpha`. **No warning is no proof**: few rows have little
    power, and without labels a change of what the classes look like can stay unseen.

    Args:
        calibration: probabilities of the calibration rows [rows, classes].
        new: probabilities of the new rows [others, classes].
        calibration_label: true classes [rows]; given with `new_label` or not at all.
        new_label: true classes [others].
        calibration_groups: the patient of each row [rows], numbers or strings; None where every row
            is of another.
        new_groups: the same of the new rows [others].
        classes: their names; by default their numbers.
        alpha: largest probability of a warning by chance, in (0, 1).

    Raises:
        ValueError: if the arrays disagree or lie outside their range.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> p = rng.uniform(size=(400, 1))
        >>> p = np.concatenate([p, 1 - p], axis=1)
        >>> exchangeability_test(p[:200], p[200:]).warning is None
        True

    References:
        Smirnov, Table for estimating the goodness of fit of empirical distributions, 1948; Vovk,
        Gammerman and Shafer, Algorithmic Learning in a Random World, 2005, chapter 7.
    """
    checks.fraction("alpha", alpha, above_zero=True, below_one=True)
    if (calibration_label is None) != (new_label is None):
        missing = "calibration_label" if calibration_label is None else "new_label"
        raise ValueError(f"{missing} is None, but the other label is given: give both or none.")
    if calibration_label is None:
        first, second = class_probabilities(calibration), class_probabilities(new)
        _names(classes, first, second)
        first = first[_one_of_each("calibration_groups", calibration_groups, len(first))]
        second = second[_one_of_each("new_groups", new_groups, len(second))]
        pairs = {"the largest probability": (first.max(axis=1), second.max(axis=1))}
    else:
        label, first = classes_and_probabilities(calibration_label, calibration)
        other, second = classes_and_probabilities(new_label, new)
        names = _names(classes, first, second)
        own = _one_of_each("calibration_groups", calibration_groups, len(first))
        label, first = label[own], first[own]
        own = _one_of_each("new_groups", new_groups, len(second))
        other, second = other[own], second[own]
        before, after = (
            of_label(class_scores(np, "threshold", p), truth)
            for p, truth in ((first, label), (second, other))
        )
        pairs = {"the score of the true class": (before, after)}
        for number, name in enumerate(names):
            both = before[label == number], after[other == number]
            if min(map(len, both)) >= _FEWEST:
                pairs[f"the score of {name}"] = both
    found = {name: kolmogorov_smirnov(*both) for name, both in pairs.items()}
    if calibration_label is not None:
        found["the frequency of the classes"] = equal_shares(
            *(np.bincount(each, minlength=len(names)) for each in (label, other))
        )
    return ExchangeabilityTest(found, min(1.0, len(found) * min(found.values())), float(alpha))


def kolmogorov_smirnov(
    first: Float[np.ndarray, " rows"], second: Float[np.ndarray, " others"]
) -> float:
    """The p-value that two samples are of one distribution, by the largest distance of their CDFs.

    It is the limit of many rows, 2 sum (-1)^(k - 1) exp(-2 k^2 x^2), with Stephens' correction for
    few; where values are equal it is too large.

    Args:
        first: a sample [rows].
        second: another [others].

    References:
        Stephens, Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without
        extensive tables, 1970.
    """
    first, second = (
        np.sort(checks.real_array(name, sample, "rows").astype(np.float64))
        for name, sample in (("first", first), ("second", second))
    )
    check_rows("first", first)
    check_rows("second", second)
    both = np.concatenate([first, second])
    below = [np.searchsorted(each, both, side="right") / len(each) for each in (first, second)]
    distance = float(np.abs(below[0] - below[1]).max())
    root = math.sqrt(len(first) * len(second) / len(both))
    x = distance * (root + 0.12 + 0.11 / root)
    if x < 0.2:  # where the series converges slowly it is 1 to 12 digits
        return 1.0
    k = np.arange(1, 101)
    return float(np.clip(2 * ((-1.0) ** (k - 1) * np.exp(-2 * (k * x) ** 2)).sum(), 0, 1))


def equal_shares(first: Int[np.ndarray, " classes"], second: Int[np.ndarray, " classes"]) -> float:
    """The p-value that two samples have the same shares of classes: Pearson's chi-squared test.

    Classes of which fewer than 5 rows are expected on either side are counted as one; if that one
    is as rare, it is left out, because the limit of many rows says nothing about it.

    Args:
        first: rows of each class [classes].
        second: rows of each class of the other sample [classes].

    References:
        Pearson, On the probability that two independent distributions of frequency are really
        samples from the same population, 1911.
    """
    from scipy.special import gammaincc

    counts = np.stack([first, second]).astype(np.float64)

    def expected(counts: np.ndarray) -> np.ndarray:
        return np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()

    rare = expected(counts).min(axis=0) < _FEWEST
    counts = np.concatenate([counts[:, ~rare], counts[:, rare].sum(axis=1, keepdims=True)], axis=1)
    counts = counts[:, expected(counts).min(axis=0) >= _FEWEST]
    if counts.shape[1] < 2:
        return 1.0
    wanted = expected(counts)
    statistic = ((counts - wanted) ** 2 / wanted).sum()
    return float(gammaincc((counts.shape[1] - 1) / 2, statistic / 2))


def _one_of_each(name: str, groups: Any, rows: int) -> np.ndarray:
    """The number of one row of each group, drawn with a fixed seed; of all rows without groups."""
    if groups is None:
        return np.arange(rows)
    mixed = np.random.default_rng(0).permutation(rows)
    _, first = np.unique(group_labels(name, groups, rows)[mixed], return_index=True)
    return np.sort(mixed[first])


def _names(classes: Any, first: np.ndarray, second: np.ndarray) -> tuple[str, ...]:
    checks.shapes(calibration=(first, "rows classes"), new=(second, "others classes"))
    count = first.shape[1]
    if classes is None:
        return tuple(f"class {number}" for number in range(count))
    names = checks.strings("classes", classes)
    if len(names) != count:
        raise ValueError(
            f"classes has {len(names)} names, but there are {count} columns of probabilities: name "
            "each class."
        )
    return names
