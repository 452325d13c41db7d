"""Stratified splits and cross-validation folds of the user's own rows, by group where there is one.

Rows of one group (a patient, a study) always stay together: a model tested on another image of a
patient it was trained on is tested on nothing.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from jaxmed import checks

_FINEST = 20  # groups are dealt out in twentieths of the data at the finest


def stratified_split(
    label: np.ndarray,
    fractions: Sequence[float],
    *,
    seed: int,
    group: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Split rows into disjoint parts that hold the classes in equal proportions.

    Args:
        label: [rows], the class of each row.
        fractions: Of the rows for each part; they sum to 1. With `group` they are honoured as
          nearly as whole groups allow.
        seed: The same seed gives the same parts.
        group: [rows], the patient or study of each row.

    Returns:
        The row numbers of each part, ascending; every row is in exactly one part, every class in
        every part.

    Raises:
        ValueError: The fractions do not sum to 1, or a class is too rare for every part to hold it.

    Example:
        >>> label = np.array([0, 1] * 10)
        >>> [len(part) for part in stratified_split(label, (0.8, 0.2), seed=0)]
        [16, 4]
    """
    label, group = _checked(label, group)
    if len(fractions) < 2 or min(fractions) <= 0 or not math.isclose(sum(fractions), 1):
        raise ValueError(
            f"fractions is {tuple(fractions)}, but must hold two or more positive numbers that "
            "sum to 1."
        )
    _enough(label, group, len(fractions), "fractions")
    parts = (
        _shuffled(label, fractions, seed)
        if group is None
        else _dealt(label, fractions, seed, group)
    )
    for number, part in enumerate(parts):
        missing = np.setdiff1d(label, label[part])
        if missing.size:
            raise ValueError(
                f"part {number} of fractions {tuple(fractions)} would hold no row of class "
                f"{missing[0]}: enlarge it, ask for fewer parts, or join that class to another."
            )
    return parts


def stratified_folds(
    label: np.ndarray,
    folds: int,
    *,
    seed: int,
    group: np.ndarray | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cross-validation: every row is tested once, in a fold with the classes in proportion.

    Args:
        label: [rows], the class of each row.
        folds: How many, at least 2.
        seed: The same seed gives the same folds.
        group: [rows], the patient or study of each row.

    Returns:
        (training rows, test rows) of each fold, ascending.

    Raises:
        ValueError: A class has fewer rows (or groups) than there are folds.
    """
    label, group = _checked(label, group)
    if folds < 2:
        raise ValueError(f"folds is {folds}, but must be 2 or more.")
    _enough(label, group, folds, "folds")
    return _folds(label, folds, seed, group)


def _checked(label: np.ndarray, group: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    label = np.asarray(label)
    if label.ndim != 1:
        raise ValueError(
            f"label has shape {label.shape}, but must be [rows]: of several labels, pass the "
            "column to stratify by."
        )
    if label.dtype.kind == "f":
        raise ValueError(
            "label holds measured values, which have no classes to stratify by: bin them first "
            "(np.digitize)."
        )
    if group is None:
        return label, None
    group = np.asarray(group)
    checks.shapes(label=(label, "rows"), group=(group, "rows"))
    return label, group


def _enough(label: np.ndarray, group: np.ndarray | None, parts: int, argument: str) -> None:
    for name in np.unique(label):
        own = label == name
        count = int(own.sum()) if group is None else len(np.unique(group[own]))
        if count < parts:
            unit = "rows" if group is None else "groups"
            raise ValueError(
                f"{argument} asks for {parts} parts, but class {name} has only {count} {unit}: "
                "ask for fewer parts, or join that class to another."
            )


def _shuffled(label: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    from sklearn.model_selection import train_test_split

    rest, parts = np.arange(len(label)), []
    ends = np.rint(np.cumsum(fractions) * len(label)).astype(int)
    for size in np.diff(ends, prepend=0)[:-1]:
        part, rest = train_test_split(
            rest, train_size=int(size), stratify=label[rest], random_state=seed
        )
        parts.append(np.sort(part))
    return [*parts, np.sort(rest)]


def _dealt(
    label: np.ndarray, fractions: Sequence[float], seed: int, group: np.ndarray
) -> list[np.ndarray]:
    """Cut the groups into small stratified folds, and give each part its share of folds."""
    shares = [Fraction(fraction).limit_denominator(_FINEST) for fraction in fractions]
    folds = math.lcm(*(share.denominator for share in shares))
    if sum(shares) != 1 or folds > _FINEST:
        folds = _FINEST
    folds = max(len(fractions), min(folds, len(np.unique(group))))
    ends = np.rint(np.cumsum(fractions) * folds).astype(int)
    tests = [test for _, test in _folds(label, folds, seed, group)]
    return [
        np.sort(np.concatenate([np.empty(0, int), *tests[start:end]]))
        for start, end in zip([0, *ends], ends, strict=False)
    ]


def _folds(
    label: np.ndarray, folds: int, seed: int, group: np.ndarray | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    splitter = kind(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():  # rare classes: our callers check every part by themselves
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return list(splitter.split(np.empty(len(label)), label, group))
