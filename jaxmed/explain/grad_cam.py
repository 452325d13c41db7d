"""Where in an image or volume a stage of the network sees what speaks for a class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
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


def grad_cam(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    upsample: bool = True,
    batch_size: int = 128,
) -> np.ndarray:
    """Grad-CAM: the channels of a stage, weighted by their mean gradient.

        relu(sum over channels k of a_k A_k),  a_k = mean over space of d score / d A_k

    For signals, images and volumes. What speaks against the target is cut off at 0.

    Args:
        model: as in `saliency`.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: name of a value [rows, *space, channels]; by default the smallest of those with as
            many axes as what the network reads, and of these the last.
        score: as in `saliency`.
        upsample: whether to interpolate the map linearly to the space of what the network reads.
        batch_size: as in `saliency`.

    Returns:
        [rows, *space of what the network reads], or of the layer; not negative.

    Raises:
        ValueError: as in `saliency`; if the layer has no space.

    References:
        Selvaraju et al., Grad-CAM, 2017, equations 1 and 2.
    """
    checks.flag("upsample", upsample)
    of = explained(model, data, target, layer, score, batch_size)
    _, values = shapes_of(of.model, first_batch(of.data))
    if layer is None:
        layer = _smallest(values)
        of = explained(model, of.data, target, layer, score, batch_size)
    if len(of.shape) < 2:
        raise ValueError(
            f"layer is {layer!r}, of shape {of.shape} in one row, but must have space and "
            "channels: choose a stage of the network."
        )
    space = of.shape[:-1]
    if upsample and INPUTS in values and len(values[INPUTS].shape) == len(of.shape) + 1:
        space = tuple(values[INPUTS].shape[1:-1])
    return summed(of, _grad_cam, space=space)


def _smallest(values: Mapping[str, Any]) -> str:
    """The name of the last of the smallest values in space."""
    if INPUTS not in values or len(values[INPUTS].shape) < 3:
        raise ValueError(
            "layer is None, but the model reads no images, volumes or signals: name a value with "
            "space and channels."
        )
    axes = len(values[INPUTS].shape)
    fitting = [
        name
        for name in in_natural_order(values)
        if name != INPUTS and len(values[name].shape) == axes
    ]
    if not fitting:
        raise ValueError(
            f"layer is None, but no value of the model has space as {INPUTS!r} has: name one of "
            f"{', '.join(values)}."
        )
    return min(reversed(fitting), key=lambda name: math.prod(values[name].shape[1:-1]))


def _grad_cam(points: Points, *, space: tuple[int, ...]) -> Array:
    axes = tuple(range(1, points.x.ndim - 1))
    weights = points.gradient(points.x).mean(axes, keepdims=True)
    found = jax.nn.relu((weights * points.x).sum(-1))
    return jax.image.resize(found, (len(found), *space), "linear")
