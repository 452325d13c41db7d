"""Sliding windows: where they lie, what each one counts for at a place, what is predicted in one.

Windows of one shape cover an image, overlap, and are predicted by themselves. At a place that
several cover, the prediction is their weighted mean. The weights are products of one factor per
axis, and the windows form a grid, so the sum of the weights at a place is a product too: each
factor is divided by its own sum beforehand, and what windows predict is only added up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.augment.image import MOST_PIXELS, axes_of, check_axis
from jaxmed.typing import AnyArray, Array, Batch, Outputs

Weights: TypeAlias = Literal["gaussian", "uniform"]
_WEIGHTS = ("gaussian", "uniform")
_DEVIATION = 1 / 8  # of the Gaussian, in lengths of the window


class Axis(NamedTuple):
    """The windows along one axis.

    Attributes:
        starts: the first place of each window [windows], ascending, int32.
        shares: what each window counts for at each of its places [windows, window], float32; at
            every place of the axis the shares of all windows add up to 1.
    """

    starts: np.ndarray
    shares: np.ndarray


def check_windows(
    window: Sequence[int], overlap: float, weights: str, mirrored: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The window and the mirrored axes as tuples of ints; refused where no windows can be so."""
    window = checks.wholes("window", window, most=MOST_PIXELS)
    if len(window) not in (2, 3):
        raise ValueError(
            f"window is {window}, but must be (height, width), or (depth, height, width) for "
            "volumes."
        )
    checks.fraction("overlap", overlap, below_one=True)
    checks.known("weights", weights, _WEIGHTS)
    axes = axes_of("mirrored", mirrored)
    for axis in axes:
        check_axis("mirrored", axis, len(window))
    return window, axes


def windows_along(length: int, window: int, *, overlap: float, weights: Weights) -> Axis:
    """The fewest windows that cover an axis and overlap at least so much, evenly spread.

    The first one begins where the axis does, the last one ends where it ends. A Gaussian has its
    maximum in the middle of the window and a standard deviation of an eighth of the window; at the
    edge it is at least exp(-8) = 3e-4 of the maximum, so that no weight is 0.

    Args:
        length: of the axis, at least that of the window.
        window: its length.
        overlap: of neighbors, as a fraction of the window in [0, 1); rounded to whole places, and
            neighbors are never less than one place apart.
        weights: "gaussian" or "uniform".

    References:
        Isensee et al., nnU-Net, 2021, methods, "Inference", for the Gaussian weights; their width
        is that of its published code.
    """
    step = max(1, round(window * (1 - float(overlap))))
    count = -(-(length - window) // step) + 1
    starts = np.rint(np.linspace(0, length - window, count)).astype(np.int32)
    factor = np.ones(window)
    if weights == "gaussian":
        factor = np.exp(
            -(((np.arange(window) - (window - 1) / 2) / (_DEVIATION * window)) ** 2) / 2
        )
    places = starts[:, None] + np.arange(window)[None]
    total = np.bincount(places.ravel(), np.tile(factor, count), minlength=length)
    return Axis(starts, (factor[None] / total[places]).astype(np.float32))


def window_numbers(axes: Sequence[Axis]) -> np.ndarray:
    """The number of each window along each axis [windows, axes]; the first axis comes slowest."""
    return np.indices([len(axis.starts) for axis in axes]).reshape(len(axes), -1).T


def predict_windows(
    predict: Callable[[Batch], Outputs], batch: Batch, mirrored: Sequence[int]
) -> dict[str, Array]:
    """What is predicted for every place of windows: the mean over mirrored copies, as float32.

    There is a copy for every combination of the axes, the window itself is one of them, and what is
    predicted for a copy is mirrored back. Copies are predicted one after another. Outputs that are
    not [batch, *window, ...], whole numbers, and logits, whose mean is not the logit of the mean
    probability, are left out.

    Args:
        predict: of a batch.
        batch: with `image` [batch, *window, channels].
        mirrored: axes of an image, counted from the end: -2 is the width.

    Raises:
        ValueError: if nothing is predicted for the places.
    """
    image = jnp.asarray(batch["image"])
    window = image.shape[1:-1]
    if not mirrored:
        return of_places(predict(batch), window)
    axes = [image.ndim + axis for axis in mirrored]
    flips = np.array(list(itertools.product([False, True], repeat=len(axes))))

    def flipped(x: Array, flip: Array) -> Array:
        for axis, chosen in zip(axes, flip, strict=True):
            x = jnp.where(chosen, jnp.flip(x, axis), x)
        return x

    def of(flip: Array) -> dict[str, Array]:
        outputs = of_places(predict({**batch, "image": flipped(image, flip)}), window)
        return {name: flipped(x, flip) / len(flips) for name, x in outputs.items()}

    def more(total: Any, flip: Array) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, of(flip)), None

    shapes = jax.eval_shape(of, flips[0])
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return jax.lax.scan(more, zeros, jnp.asarray(flips))[0]


def with_shares(outputs: dict[str, Array], shares: Sequence[AnyArray]) -> dict[str, Array]:
    """The outputs [batch, *window, ...] times the shares [batch or 1, window] of each axis."""

    def of(x: Array) -> Array:
        for number, share in enumerate(shares, 1):
            shape = [share.shape[0], *(1,) * (x.ndim - 1)]
            shape[number] = share.shape[1]
            x = x * share.reshape(shape)
        return x

    return {name: of(x) for name, x in outputs.items()}


def of_places(outputs: Outputs, space: tuple[int, ...]) -> dict[str, Array]:
    """The outputs [batch, *space, ...] that have a mean, as float32; refused if there are none."""
    found = {
        name: jnp.asarray(x, jnp.float32)
        for name, x in outputs.items()
        if name != "logits"
        and jnp.issubdtype(x.dtype, jnp.floating)
        and x.shape[1 : 1 + len(space)] == space
    }
    if not found:
        given = {name: tuple(x.shape[1:]) for name, x in outputs.items() if name != "logits"}
        raise ValueError(
            f"model gives outputs of shapes {given} for images of the shape {space}, none of which "
            "has a value for each of its places: use a model of segmentation."
        )
    return found
