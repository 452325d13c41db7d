"""How much maps of several methods, or of two models, agree: rank correlations, shared parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from jaxmed import checks
from jaxmed.metrics.arguments import check_rows
from jaxmed.typing import Float


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How much methods agree, as matrices in the order of `names`.

    Attributes:
        names: of the methods.
        correlation: mean rank correlation over the rows where it is defined [methods, methods].
        overlap: mean share of the `top` parts of one that are among those of the other [methods,
            methods]; `top` itself is expected of unrelated maps.
        correlations: of each row [methods, methods, rows]; NaN where a map is constant.
        overlaps: of each row [methods, methods, rows].
    """

    names: tuple[str, ...]
    correlation: np.ndarray
    overlap: np.ndarray
    correlations: np.ndarray
    overlaps: np.ndarray


def rank_correlation(first: np.ndarray, second: np.ndarray) -> Float[np.ndarray, " rows"]:
    """Spearman's rank correlation of each row of two arrays; equal numbers get their mean rank.

    Args:
        first: [rows, *shape].
        second: of the same shape.

    Returns:
        [rows] in [-1, 1]; NaN where a row of either is constant.

    Raises:
        ValueError: if the shapes differ, or a number is not finite.
    """
    pair = {"first": first, "second": second}
    ranks = [_ranks(_flat(name, value)) for name, value in pair.items()]
    if ranks[0].shape != ranks[1].shape:
        raise ValueError(
            f"second has shape {np.shape(second)}, but must be {np.shape(first)}, as first has."
        )
    return _product(ranks[0], ranks[1])


def agreement(
    maps: Mapping[str, np.ndarray], *, top: float = 0.1, absolute: bool = True
) -> Agreement:
    """How much attributions of the same rows by several methods agree.

    Methods that agree may all be wrong. Maps of different resolution agree less.

    Args:
        maps: by the name of the method, [rows, *shape], all of one shape; a last axis of length 1
            may be missing. Of a color image pass the sum over its channels.
        top: share of the parts whose overlap is counted, in (0, 1]; at least one part.
        absolute: whether to compare sizes, so that a method with signs is comparable with one that
            has none.

    Raises:
        ValueError: if there are fewer than two maps, shapes disagree, or a number is not finite.

    References:
        Krishna et al., The Disagreement Problem in Explainable Machine Learning, 2022, section 3.2
        (rank correlation and feature agreement).
    """
    if not isinstance(maps, Mapping) or len(maps) < 2:
        raise ValueError(
            f"maps is {checks.shown(maps)}, but must map names to arrays of at least two methods."
        )
    names = checks.strings("maps", tuple(maps))
    checks.fraction("top", top, above_zero=True)
    checks.flag("absolute", absolute)
    flat = [_flat(f"maps[{name!r}]", maps[name]) for name in names]
    for name, each in zip(names, flat, strict=True):
        if each.shape != flat[0].shape:
            raise ValueError(
                f"maps[{name!r}] has shape {np.shape(maps[name])}, but must be "
                f"{np.shape(maps[names[0]])}, as maps[{names[0]!r}]: explain the same rows and "
                "value, or sum over the channels."
            )
    sizes = [np.abs(each) if absolute else each for each in flat]
    ranks = [_ranks(each) for each in sizes]
    count = max(1, round(float(top) * flat[0].shape[1]))
    highest = [_highest(each, count, number) for number, each in enumerate(sizes)]
    methods, rows = len(names), len(flat[0])
    correlations, overlaps = np.empty((2, methods, methods, rows))
    for i in range(methods):
        for j in range(methods):
            correlations[i, j] = _product(ranks[i], ranks[j])
            overlaps[i, j] = (highest[i] & highest[j]).sum(1) / count
    return Agreement(
        names, mean_where_defined(correlations), overlaps.mean(-1), correlations, overlaps
    )


def mean_where_defined(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis without NaN; NaN where nothing is left."""
    there = ~np.isnan(values)
    total = np.where(there, values, 0).sum(-1)
    return np.where(there.any(-1), total / np.maximum(there.sum(-1), 1), np.nan)


def _flat(name: str, value: np.ndarray) -> np.ndarray:
    found = checks.real_array(name, value)
    if found.ndim < 2 or not found.size:
        raise ValueError(
            f"{name} has shape {found.shape}, but must be [rows, *shape], at least one row."
        )
    check_rows(name, found)
    return found.reshape(len(found), -1).astype(np.float64)


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Ranks of each row less their mean."""
    from scipy.stats import rankdata

    ranks = rankdata(rows, axis=1)
    return ranks - ranks.mean(1, keepdims=True)


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation of rows whose mean is 0."""
    length = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    found = np.full(len(first), np.nan)
    np.divide((first * second).sum(1), length, out=found, where=length > 0)
    return found


def _highest(rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Whether each part is one of the `count` highest of its row; equal ones at random."""
    draw = np.random.default_rng(seed).random(rows.shape)
    order = np.lexsort((draw, -rows), axis=1)[:, :count]
    found = np.zeros(rows.shape, bool)
    np.put_along_axis(found, order, True, axis=1)
    return found
