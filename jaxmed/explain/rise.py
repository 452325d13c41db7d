"""The mean of random masks, weighted by the score of the masked row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import Score, Target, as_array, explained
from jaxmed.explain.gradients import MOST_STEPS
from jaxmed.explain.occlusion import per_dimension, space_of
from jaxmed.explain.points import Points, summed
from jaxmed.tasks import Model
from jaxmed.typing import Array, Columns


def rise(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    masks: int = 2000,
    shown: float = 0.5,
    cells: int | Sequence[int] | None = None,
    baseline: Any = None,
    seed: int = 0,
    batch_size: int = 128,
) -> np.ndarray:
    """RISE: the mean of random masks, weighted by the score of what they leave.

        1 / (masks * shown) * sum over masks m of score(x m + baseline (1 - m)) m

    A mask is a coarse grid of zeros and ones, enlarged linearly and shifted by less than a cell.
    All rows see the same masks. A constant added to the score adds it everywhere: compare places of
    a row, not rows. It needs no gradients, so models that `load` gives can be explained.

    Args:
        model: trained or loaded.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: as in `saliency`; any number of spatial dimensions, columns, or tokens.
        score: as in `saliency`; the paper takes the probability of the target.
        masks: how many.
        shown: probability of a cell to be shown, in (0, 1).
        cells: of the grid along each side, one number or one per dimension of space; by default
            one per column or token, and 7 along each side of images and volumes.
        baseline: what covers: a number, an array of the shape of the explained value, or one per
            row; by default zeros.
        seed: of the masks.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value]; channels of a position are equal.

    Raises:
        ValueError: if an argument is wrong.

    References:
        Petsiuk et al., RISE, 2018, equation 6 and section 3.2.
    """
    masks = checks.whole("masks", masks, most=MOST_STEPS)
    checks.fraction("shown", shown, above_zero=True, below_one=True)
    seed = checks.whole("seed", seed, least=0)
    of = explained(model, data, target, layer, score, batch_size)
    space = space_of(of)
    usual = [side if len(space) == 1 else min(7, side) for side in space]
    grid = per_dimension("cells", cells, space, usual, "the sides of the space")
    cover = as_array("baseline", baseline, of.shape, of.rows, of=of.layer)
    shared = {
        "key": np.asarray(jax.random.key_data(jax.random.key(seed))),
        "shown": np.array(shown, np.float32),
    }
    steps = {"step": np.arange(masks, dtype=np.int32)}
    total = summed(
        of, _masked, steps=steps, rows={"baseline": cover}, shared=shared, grid=grid, space=space
    )
    return total / np.float32(masks * shown)


def _masked(points: Points, *, grid: tuple[int, ...], space: tuple[int, ...]) -> Array:
    x, key = points.x, jax.random.wrap_key_data(points.shared["key"])

    def one(step: Array) -> Array:
        return _mask(jax.random.fold_in(key, step), points.shared["shown"], grid, space)

    mask = jax.vmap(one)(points.given["step"])
    if x.ndim > mask.ndim:
        mask = mask[..., None]
    found = points.score(mask * x + (1 - mask) * points.given["baseline"])
    return jnp.broadcast_to(mask * found.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)


def _mask(key: Array, shown: Array, grid: tuple[int, ...], space: tuple[int, ...]) -> Array:
    """One mask [*space] of numbers in [0, 1]."""
    of_cells, of_shift = jax.random.split(key)
    drawn = jax.random.bernoulli(of_cells, shown, tuple(cells + 1 for cells in grid))
    sides = tuple(-(-side // cells) for side, cells in zip(space, grid, strict=True))
    large = tuple((cells + 1) * side for cells, side in zip(grid, sides, strict=True))
    enlarged = jax.image.resize(drawn.astype(jnp.float32), large, "linear")
    shift = jax.random.randint(of_shift, (len(sides),), 0, jnp.array(sides))
    return jax.lax.dynamic_slice(enlarged, tuple(shift), space)
