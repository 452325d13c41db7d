"""Is an attribution faithful? What a sum or a removed part of the input says about it.

An attribution says how much each part of the explained value contributed to a score. Nothing in a
picture of it shows whether that is true. The completeness error compares its sum with what it
should add up to; deletion and insertion curves change the input in its order. Compare each number
with that of `random_attribution`: some models need only a few arbitrary pixels.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import Score, Target, explained
from jaxmed.explain.points import Points, each
from jaxmed.explain.replacement import Baseline, baseline_rows, replacement
from jaxmed.metrics.arguments import check_rows
from jaxmed.tasks import Model
from jaxmed.tasks.arguments import check_key
from jaxmed.typing import Array, Columns, Key

_MOST = 2**30
_POINTS = 1024


@dataclasses.dataclass(frozen=True)
class Completeness:
    """How far the sums of attributions are from the differences of the score.

    Attributes:
        error: sum |sum of attributions - difference| / sum |difference|, over the rows.
        deltas: sum of attributions - difference [rows].
        worst_row: the row with the largest |delta|.
        worst: its |delta| / |difference|; infinite where the difference is 0.
    """

    error: float
    deltas: np.ndarray
    worst_row: int
    worst: float


@dataclasses.dataclass(frozen=True)
class RemovalCurves:
    """Scores while parts are removed, or inserted, in the order of an attribution.

    Attributes:
        fractions: of the parts that were changed [points], from 0 to 1.
        deletion: the score after removing the parts with the highest attribution [rows, points].
        insertion: the score where only these parts are there [rows, points].
        deletion_area: under each curve of deletion [rows]; low is better.
        insertion_area: under each curve of insertion [rows]; high is better.
        difference: insertion_area - deletion_area [rows]; 0 on average for a random order if the
            score depends equally on all parts.
        mean: of `difference` over the rows.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    deletion_area: np.ndarray
    insertion_area: np.ndarray
    difference: np.ndarray
    mean: float


def completeness_error(attributions: np.ndarray, differences: np.ndarray) -> Completeness:
    """How far attributions are from adding up to the difference of the score.

    Integrated gradients, expected gradients and Shapley values promise that the attributions of a
    row add up to its score less that of the baseline. In practice they are approximated.

    Args:
        attributions: [rows, *shape of the explained value].
        differences: score of each row less the score of its baseline [rows].

    Raises:
        ValueError: if shapes disagree, a number is not finite, or all differences are 0.

    Example:
        >>> completeness_error(np.array([[1.0, 2.0], [0.5, 0.5]]), np.array([3.0, 2.0])).error
        0.2

    References:
        Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017, section 3.
    """
    attributions = _attributions(attributions)
    differences = checks.real_array("differences", differences, "rows").astype(np.float64)
    check_rows("differences", differences)
    if len(differences) != len(attributions):
        raise ValueError(
            f"differences has {len(differences)} rows, but attributions has {len(attributions)}: "
            "give one difference per row."
        )
    size = np.abs(differences).sum()
    if size == 0:
        raise ValueError("differences is 0 in all rows: compare with a baseline of another score.")
    deltas = attributions.reshape(len(attributions), -1).sum(1) - differences
    row = int(np.abs(deltas).argmax())
    off, wanted = abs(deltas[row]), abs(differences[row])
    worst = float(off / wanted) if wanted > 0 else (float("inf") if off > 0 else 0.0)
    return Completeness(float(np.abs(deltas).sum() / size), deltas, row, worst)


def random_attribution(shape: tuple[int, ...], key: Key) -> np.ndarray:
    """Numbers without any meaning, uniform in [0, 1): what a method must beat.

    Args:
        shape: [rows, *shape of the explained value].
        key: of the draw.
    """
    shape = checks.wholes("shape", shape)
    if not shape or np.prod(np.array(shape, float)) > _MOST:
        raise ValueError(f"shape is {shape}, but must have 1 to {_MOST:,} numbers, rows first.")
    check_key(key)
    return np.asarray(jax.random.uniform(key, shape))


def deletion_insertion(
    model: Model,
    data: Columns | Source,
    attributions: np.ndarray,
    *,
    steps: int = 16,
    baseline: Baseline = "blur",
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    batch_size: int = 128,
) -> RemovalCurves:
    """Deletion and insertion curves: parts change in the order of their attribution.

    Deletion starts from the row and replaces parts by the baseline, those with the highest
    attribution first. Insertion starts from the baseline and puts them back. Parts are the columns
    of features [rows, columns], and else positions with all their channels: pixels, voxels, points
    in time, tokens. Parts of equal attribution come in random order. The changed rows differ from
    all that the model was trained on, so small differences between methods mean little.

    Args:
        model: whose score is explained.
        data: columns or a source, the rows that were explained.
        attributions: [rows, *shape of the explained value], with or without its last axis, the
            channels, over which they are summed.
        steps: of each curve, in 1 .. 1024; no more than there are parts are taken.
        baseline: what stands in for a part: "blur", the value after a Gaussian filter of an eighth
            of each side (images, volumes, signals); "mean", the mean of each channel over the
            positions of the row; "zeros", for normalized features the mean of the training split;
            or an array of the shape of the value, for all rows or for each.
        target: which score, as for the method: the number of a class, its name, one of them per
            row, or None for the highest score of each row.
        layer: name of the explained value, as for the method.
        score: `outputs -> scores` [rows] or [rows, targets]; by default the probabilities of the
            classes, so that areas are in [0, 1], or else the scores of the task.
        batch_size: rows times steps in one call of a program; it bounds the memory.

    Raises:
        ValueError: if shapes disagree, or an argument is out of range.

    References:
        Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box
        Models, 2018, section 4.1.
    """
    steps = checks.whole("steps", steps, most=_POINTS)
    attributions = _attributions(attributions)
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    if score is None and model.task.judge.classes is not None:
        score = model.task.judge.classes.probabilities
    of = explained(model, data, target, layer, score, batch_size)
    if len(attributions) != of.rows:
        raise ValueError(
            f"attributions has {len(attributions)} rows, but data has {of.rows}: explain these "
            "rows."
        )
    ranks = _ranks(_parts(attributions, of.shape, of.layer))
    parts = ranks[0].size
    counts = np.unique(np.round(np.linspace(0, parts, min(steps, parts) + 1)).astype(np.int32))
    kind, arrays = baseline_rows(baseline, of)
    found = each(
        of,
        _changed_scores,
        steps={"count": counts},
        rows={"ranks": ranks, "baseline": arrays},
        kind=kind,
    )
    scores = np.concatenate(list(found), axis=1).astype(np.float64)  # [points, rows, 2]
    return _curves(counts / parts, scores[..., 0].T, scores[..., 1].T)


def _changed_scores(points: Points, *, kind: str) -> Array:
    """The scores without and with only the first parts [points, 2]."""
    x, ranks = points.x, points.given["ranks"]
    count = points.given["count"].reshape(-1, *(1,) * (ranks.ndim - 1))
    first = ranks < count
    # Ranks of positions stand for all of their channels.
    first = first.reshape(*ranks.shape, *(1,) * (x.ndim - ranks.ndim))
    other = replacement(kind, x, points.given["baseline"])
    pair = jnp.where(first, other, x), jnp.where(first, x, other)
    return jnp.stack([points.score(each) for each in pair], axis=1)


def _curves(fractions: np.ndarray, deletion: np.ndarray, insertion: np.ndarray) -> RemovalCurves:
    less, more = (np.trapezoid(curve, fractions, axis=1) for curve in (deletion, insertion))
    difference = more - less
    mean = float(difference.mean())
    return RemovalCurves(fractions, deletion, insertion, less, more, difference, mean)


def _attributions(value: Any) -> np.ndarray:
    found = checks.real_array("attributions", value)
    if found.ndim < 2 or not found.size:
        raise ValueError(
            f"attributions has shape {found.shape}, but must be [rows, *shape of the explained "
            "value], with at least one row."
        )
    check_rows("attributions", found)
    return found.astype(np.float64)


def _parts(attributions: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """One number per part that is removed as a whole: a column, or a position."""
    found, positions = attributions.shape[1:], shape[:-1]
    if found == shape and len(shape) == 1:
        return attributions
    if found in (shape, (*positions, 1)) and positions:
        return attributions.sum(-1)
    if found == positions:
        return attributions
    raise ValueError(
        f"attributions has shape {attributions.shape}, but {name!r}, the explained value, has rows "
        f"of shape {shape}: name the layer that was explained, or explain this one."
    )


def _ranks(parts: np.ndarray) -> np.ndarray:
    """The place of each part in its row, from the highest attribution, equal ones at random."""
    flat = parts.reshape(len(parts), -1)
    draw = np.random.default_rng(0).random(flat.shape)
    order = np.lexsort((draw, -flat), axis=1)
    ranks = np.empty(flat.shape, np.int32)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1], dtype=np.int32)[None], axis=1)
    return ranks.reshape(parts.shape)
