"""From which tokens a transformer takes what it predicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import (
    Score,
    Target,
    explained,
    first_batch,
    in_natural_order,
    shapes_of,
)
from jaxmed.explain.points import Points, summed
from jaxmed.tasks import Model
from jaxmed.tasks.network import INPUTS
from jaxmed.typing import Array, Columns

WEIGHTS = "attention/weights"
"""How the names of the attention of a layer end: [rows, heads, queries, keys]."""


def attention_rollout(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    reader: Literal["first", "mean"] = "first",
    grid: Sequence[int] | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """How much of each token reaches the last layer, if attention were all there is.

        A_L ... A_2 A_1  with  A = (mean over heads of the attention + identity) / 2

    The identity stands for the residual connection. Attention does not depend on a class, so the
    map is the same for every target, and it has no sign: it says where the network looked.

    Args:
        model: of a transformer, such as `models.ViT` or one with a `TransformerEncoder`.
        data: as in `saliency`.
        target: checked as in `saliency`; the map does not depend on it.
        layer: name of the attention of the last layer that is followed; by default of all layers.
        score: as `target`.
        reader: whose row of the product it is: "first", that of the class token, or "mean" over
            all tokens that some token attends to.
        grid: of the patches, such as (7, 7): the map of the last tokens, as many as it has places,
            is enlarged linearly to the space of what the network reads. By default the tokens
            stay: class token, registers, patches.
        batch_size: as in `saliency`.

    Returns:
        [rows, tokens], or with a grid [rows, *space of what the network reads]; not negative, the
        sum over all tokens is 1.

    Raises:
        ValueError: as in `saliency`; if the model names no attention, or the grid has more places
            than there are tokens.

    References:
        Abnar and Zuidema, Quantifying Attention Flow in Transformers, 2020, section 3.
    """
    checks.known("reader", reader, ("first", "mean"))
    grid = None if grid is None else checks.wholes("grid", grid)
    of = explained(model, data, target, None, score, batch_size)
    _, values = shapes_of(of.model, first_batch(of.data))
    names = _followed(layer, values)
    tokens, space = values[names[0]].shape[-1], None
    if grid is not None:
        space = _space(grid, tokens, values)
    others = tuple(names)
    return summed(of, _rollout, names=others, reader=reader, grid=grid, space=space)


def _followed(layer: str | None, values: Mapping[str, Any]) -> list[str]:
    names = in_natural_order(name for name in values if f"/{name}".endswith(f"/{WEIGHTS}"))
    if not names:
        raise ValueError(
            f"model names no value {WEIGHTS!r}, but must be a transformer, such as models.ViT or "
            "one with a models.TransformerEncoder."
        )
    if layer is None:
        return names
    if layer not in names:
        raise ValueError(
            f"layer is {checks.shown(layer)}, but must be the attention of a layer: choose from "
            f"{', '.join(map(repr, names))}."
        )
    return names[: names.index(layer) + 1]


def _space(grid: tuple[int, ...], tokens: int, values: Mapping[str, Any]) -> tuple[int, ...]:
    if math.prod(grid) > tokens or not grid:
        raise ValueError(
            f"grid is {grid}, with {math.prod(grid)} places, but must have at most {tokens}, as "
            "many as there are tokens."
        )
    if INPUTS not in values or len(values[INPUTS].shape) != len(grid) + 2:
        raise ValueError(
            f"grid is {grid}, but the model reads nothing of {len(grid)} dimensions: leave it out."
        )
    return tuple(values[INPUTS].shape[1:-1])


def _rollout(
    points: Points,
    *,
    names: tuple[str, ...],
    reader: str,
    grid: tuple[int, ...] | None,
    space: tuple[int, ...] | None,
) -> Array:
    product = None
    for name in names:
        weights = points.values[name].mean(1)
        both = (weights + jnp.eye(weights.shape[-1], dtype=weights.dtype)[None]) / 2
        product = both if product is None else both @ product
    assert product is not None
    if reader == "first":
        found = product[:, 0]
    else:
        # Padding is attended to by no token but itself.
        seen = (points.values[names[-1]].mean(1).sum(1) > 0).astype(product.dtype)
        found = (product * seen[:, :, None]).sum(1) / seen.sum(1, keepdims=True)
    if grid is None or space is None:
        return found
    places = found[:, -math.prod(grid) :].reshape(len(found), *grid)
    return jax.image.resize(places, (len(found), *space), "linear")
