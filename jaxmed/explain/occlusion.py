"""How much the score falls when a part of the row is covered."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import Explained, Score, Target, as_array, explained
from jaxmed.explain.gradients import MOST_STEPS
from jaxmed.explain.points import Points, each, summed
from jaxmed.tasks import Model
from jaxmed.typing import Array, Columns


def occlusion(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    baseline: Any = None,
    batch_size: int = 128,
) -> np.ndarray:
    """The fall of the score under a window that moves over the row, all channels covered.

        mean over windows w that hold the number of score(x) - score(x with the baseline in w)

    Windows stand every `stride` numbers, and at the far end, so that every number is covered. It
    needs no gradients, so models that `load` gives can be explained.

    Args:
        model: trained or loaded.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: as in `saliency`; any number of spatial dimensions, columns, or tokens.
        score: as in `saliency`.
        window: side of the window, one number or one per dimension of space; by default one
            column or token, or an eighth of each side of images and volumes.
        stride: between windows, at most the window, which is the default.
        baseline: what covers: a number, an array of the shape of the explained value, or one per
            row; by default zeros.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value], with sign; channels of a position are equal.

    Raises:
        ValueError: if an argument is wrong, or there are more than 100,000 windows.

    References:
        Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014, section 4.2.
    """
    of = explained(model, data, target, layer, score, batch_size)
    space = space_of(of)
    usual = [1 if len(space) == 1 else max(1, side // 8) for side in space]
    sides = per_dimension("window", window, space, usual, "the sides of the space")
    strides = per_dimension("stride", stride, sides, sides, "the window")
    cover = as_array("baseline", baseline, of.shape, of.rows, of=of.layer)
    starts = [_starts(*each_) for each_ in zip(space, sides, strides, strict=True)]
    number = int(np.prod([len(along) for along in starts]))
    if number > MOST_STEPS:
        raise ValueError(
            f"stride is {strides}, which makes {number:,} windows, but there must be at most "
            f"{MOST_STEPS:,}: use a larger one."
        )
    first = np.array(list(itertools.product(*starts)), np.int32)
    before = np.concatenate([found[0] for found in each(of, score_of_row, steps=_ONE)])
    fallen = summed(
        of,
        _fall,
        steps={"first": first},
        rows={"before": before, "baseline": cover},
        sides=sides,
        channels=len(of.shape) > len(space),
    )
    return fallen / _covered(of, space, starts, sides)


_ONE = {"one": np.zeros(1, np.float32)}


def space_of(of: Explained) -> tuple[int, ...]:
    """The shape of the explained value without its channels; of columns, all of it."""
    return of.shape[:-1] if len(of.shape) > 1 else of.shape


def score_of_row(points: Points) -> Array:
    """The score of the rows as they are."""
    return points.score(points.x)


def per_dimension(
    name: str, value: Any, most: Sequence[int], usual: Sequence[int], of: str
) -> tuple[int, ...]:
    """One whole number per dimension of space, each at most so large."""
    if value is None:
        return tuple(usual)
    if np.ndim(value) == 0 and not isinstance(value, str):
        value = (checks.whole(name, value),) * len(most)
    found = checks.wholes(name, value)
    if len(found) != len(most):
        raise ValueError(
            f"{name} is {found}, but must be one number, or one for each of the {len(most)} "
            "dimensions of space."
        )
    if any(a > b for a, b in zip(found, most, strict=True)):
        raise ValueError(
            f"{name} is {found}, but must be at most {tuple(most)}, {of}: use a smaller one."
        )
    return found


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin along one side; the last ends at its end."""
    return sorted({*range(0, side - window + 1, stride), side - window})


def _fall(points: Points, *, sides: tuple[int, ...], channels: bool) -> Array:
    x, first = points.x, points.given["first"]
    inside = jnp.ones((len(x), *(1,) * len(sides)), bool)
    for axis, side in enumerate(sides):
        place = jnp.arange(x.shape[axis + 1])[None] - first[:, axis, None]
        along = (place >= 0) & (place < side)
        shape = [1] * len(sides)
        shape[axis] = x.shape[axis + 1]
        inside = inside & along.reshape(len(x), *shape)
    if channels:
        inside = inside[..., None]
    after = points.score(jnp.where(inside, points.given["baseline"], x))
    fall = (points.given["before"] - after).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.broadcast_to(jnp.where(inside, fall, 0), x.shape)


def _covered(
    of: Explained, space: tuple[int, ...], starts: list[list[int]], sides: tuple[int, ...]
) -> np.ndarray:
    """By how many windows each number is covered, [1, *shape]."""
    found = np.ones((1,) * len(space))
    for axis, (along, side) in enumerate(zip(starts, sides, strict=True)):
        place = np.arange(space[axis])[:, None] - np.array(along)[None]
        shape = [1] * len(space)
        shape[axis] = space[axis]
        found = found * ((place >= 0) & (place < side)).sum(1).reshape(shape)
    found = found if len(of.shape) == len(space) else found[..., None]
    return np.broadcast_to(found, of.shape)[None].astype(np.float32)
