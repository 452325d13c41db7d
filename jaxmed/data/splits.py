"""Stratified splits and cross-validation folds, by group where there is one.

Rows of one group (a patient, a study) always stay together: a test on images of patients that the
model was trained on says nothing about new patients.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.allocation import allocate
from jaxmed.data.groups import group_numbers
from jaxmed.data.source import Arrays, Source, check_source, read_examples, subset

_CHUNK = 1024  # examples read at once


def split(source: Source, fractions: Sequence[float], *, seed: int) -> list[Source]:
    """Split a source at random into disjoint parts, whole groups together.

    Where `label` is one class per row, every part holds the classes in equal proportions, as in
    `stratified_split`. Measured, multilabel or missing labels are not stratified.

    Only `label` and `group` are used: read directly from a source in memory or one that knows them
    (`annotations`), else from every example once, one after another.

    Args:
        source: any source; the `group` of its examples names the patient or study.
        fractions: of the rows for each part; they sum to 1. With groups, as nearly as whole groups
            allow.
        seed: the same seed gives the same parts.

    Returns:
        One source per part. Every example is in exactly one and keeps its `id`.

    Raises:
        ValueError: The fractions do not sum to 1, or a class is too rare for every part to hold it.

    Example:
        >>> from jaxmed.data import from_arrays
        >>> table = from_arrays({"features": np.ones((20, 2)), "label": np.array([0, 1] * 10)})
        >>> train, test = split(table, (0.8, 0.2), seed=0)
        >>> len(train), len(test)
        (16, 4)
    """
    check_source("source", source)
    known = _label_and_group(source)
    label = known.get("label")
    if label is None or label.ndim != 1 or label.dtype.kind == "f":
        label = np.zeros(len(source), np.int32)
    parts = stratified_split(label, fractions, seed=seed, group=known.get("group"))
    return [subset(source, part) for part in parts]


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
        fractions: of the rows for each part; they sum to 1. With `group`, as nearly as whole groups
            allow.
        seed: the same seed gives the same parts.
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
    seed = checks.whole("seed", seed, least=0)
    label, group = _checked(label, group)
    fractions = checks.sequence("fractions", fractions, "numbers")
    for number, each in enumerate(fractions):
        checks.positive(f"fractions[{number}]", each)
    if len(fractions) < 2 or not math.isclose(sum(fractions), 1):
        raise ValueError(
            f"fractions is {tuple(fractions)}, but must hold two or more positive numbers that "
            "sum to 1."
        )
    _check_counts(label, group, len(fractions), "fractions")
    part_of = _part_of_each(label, fractions, seed, group)
    parts = [np.flatnonzero(part_of == number) for number in range(len(fractions))]
    for number, part in enumerate(parts):
        missing = np.setdiff1d(label, label[part])
        if missing.size:
            raise ValueError(
                f"part {number} of fractions {tuple(fractions)} would hold no row of class "
                f"{missing[0]}: enlarge it, use fewer parts, or merge that class with another."
            )
    return parts


def stratified_folds(
    label: np.ndarray,
    folds: int,
    *,
    seed: int,
    group: np.ndarray | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cross-validation folds that hold the classes in equal proportions; every row is tested once.

    Args:
        label: [rows], the class of each row.
        folds: number of folds, at least 2.
        seed: the same seed gives the same folds.
        group: [rows], the patient or study of each row.

    Returns:
        (training rows, test rows) of each fold, ascending.

    Raises:
        ValueError: A class has fewer rows (or groups) than there are folds.
    """
    seed = checks.whole("seed", seed, least=0)
    label, group = _checked(label, group)
    folds = checks.whole("folds", folds, least=2)
    _check_counts(label, group, folds, "folds")
    fold = _part_of_each(label, [1 / folds] * folds, seed, group)
    return [
        (np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(folds)
    ]


def _label_and_group(source: Source) -> dict[str, np.ndarray]:
    """Those two columns where the source has them."""
    known = source.columns if isinstance(source, Arrays) else getattr(source, "annotations", {})
    if known:
        return {key: known[key] for key in ("label", "group") if key in known}
    read: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(source), _CHUNK):
        rows = range(start, min(start + _CHUNK, len(source)))
        for example in read_examples(source, rows):
            for key in ("label", "group"):
                if key in example and not np.ndim(example[key]):  # labels of pixels fill the memory
                    read.setdefault(key, []).append(np.asarray(example[key]))
    return {key: np.stack(values) for key, values in read.items()}


def _checked(label: np.ndarray, group: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    label = _as_classes(label)
    if label.ndim != 1:
        raise ValueError(
            f"label has shape {label.shape}, but must be [rows]: with several labels, pass the "
            "column to stratify by."
        )
    if label.dtype.kind == "f":
        raise ValueError(
            "label holds measured values, not classes to stratify by: bin them first (np.digitize)."
        )
    if group is None:
        return label, None
    group = np.asarray(group)
    checks.shapes(label=(label, "rows"), group=(group, "rows"))
    return label, group_numbers(group)


def _as_classes(label: object) -> np.ndarray:
    """As an array of numbers or of words."""
    found = np.empty(0, object)
    with contextlib.suppress(ValueError, TypeError):  # ragged lists, and keys of JAX
        found = np.asarray(label)
    words = found.dtype.kind == "O" and all(isinstance(word, str) for word in found.ravel())
    if found.size and (words or found.dtype.kind in "biufSU"):
        return found
    raise ValueError(
        f"label is {checks.shown(label)}, but must hold a class for every row: pass an array of "
        "whole numbers or names."
    )


def _check_counts(label: np.ndarray, group: np.ndarray | None, parts: int, argument: str) -> None:
    for name in np.unique(label):
        own = label == name
        count = int(own.sum()) if group is None else len(np.unique(group[own]))
        if count < parts:
            unit = "rows" if group is None else "groups"
            raise ValueError(
                f"{argument} needs {parts} parts, but class {name} has only {count} {unit}: "
                "use fewer parts, or merge that class with another."
            )


def _part_of_each(
    label: np.ndarray, fractions: Sequence[float], seed: int, group: np.ndarray | None
) -> np.ndarray:
    classes = np.unique(label, return_inverse=True)[1]
    groups = np.arange(len(label)) if group is None else np.unique(group, return_inverse=True)[1]
    return allocate(classes, groups, fractions, seed=seed)[groups]
