"""Attributions by one gradient, or by the mean gradient of noisy copies."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.explained import Score, Target, explained
from jaxmed.explain.points import Points, summed
from jaxmed.tasks import Model
from jaxmed.typing import Array, Columns

MOST_STEPS = 100_000
"""Upper limit of the number of steps, draws or masks."""


def saliency(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """How fast the score changes with each number: |d score / d x|.

    It says where the score is sensitive, not what it is made of; it has no sign and no sum.

    Args:
        model: trained, with named values (`Model.intermediates`).
        data: columns or a source, with or without a label.
        target: which score to explain: the number of a class, its name, one of them per row, or
            None for the highest score of each row.
        layer: name of the value to explain; by default `inputs`, what the network reads, or of
            tokens the value whose name ends with `embedded`.
        score: `outputs -> scores` [rows] or [rows, targets]; by default those of the task, such
            as logits.
        batch_size: points (rows times steps) per call of a program; it bounds the memory.

    Returns:
        [rows, *shape of the explained value], not negative.

    Raises:
        ValueError: if an argument is wrong, or the model has no gradients, as a loaded one.

    References:
        Simonyan et al., Deep Inside Convolutional Networks, 2014, section 3.
    """
    return summed(explained(model, data, target, layer, score, batch_size), _saliency)


def input_x_gradient(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """Each number times the gradient of the score at it: x * d score / d x.

    The share of each number in the score of a linear model; of others a first approximation.

    Args:
        model: as in `saliency`.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value].

    Raises:
        ValueError: as in `saliency`.

    References:
        Shrikumar et al., Not Just a Black Box, 2016.
    """
    return summed(explained(model, data, target, layer, score, batch_size), _input_x_gradient)


def smooth_grad(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    draws: int = 50,
    noise: float = 0.15,
    seed: int = 0,
    batch_size: int = 128,
) -> np.ndarray:
    """The mean gradient of noisy copies of each row.

        mean over draws of d score / d x at x + noise * (max x - min x) * normal

    The noise of a row depends on the seed and its number only, not on the batch size.

    Args:
        model: as in `saliency`.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        draws: noisy copies of each row.
        noise: standard deviation as a part of the row's range, above 0; 0.1 to 0.2 is usual.
        seed: of the noise.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value], with sign.

    Raises:
        ValueError: as in `saliency`.

    References:
        Smilkov et al., SmoothGrad, 2017, section 3.
    """
    draws = checks.whole("draws", draws, most=MOST_STEPS)
    checks.positive("noise", noise)
    seed = checks.whole("seed", seed, least=0)
    of = explained(model, data, target, layer, score, batch_size)
    shared = {
        "key": np.asarray(jax.random.key_data(jax.random.key(seed))),
        "noise": np.array(noise, np.float32),
    }
    steps = {"step": np.arange(draws, dtype=np.int32)}
    return summed(of, _smooth_grad, steps=steps, shared=shared) / np.float32(draws)


def keys_of(points: Points) -> Array:
    """A key per point: of the seed, the row and the step, so not of the batch size."""
    key = jax.random.wrap_key_data(points.shared["key"])

    def own(row: Array, step: Array) -> Array:
        return jax.random.fold_in(jax.random.fold_in(key, row), step)

    return jax.vmap(own)(points.given["row"], points.given["step"])


def _saliency(points: Points) -> Array:
    return jnp.abs(points.gradient(points.x))


def _input_x_gradient(points: Points) -> Array:
    return points.x * points.gradient(points.x)


def _smooth_grad(points: Points) -> Array:
    x = points.x
    axes = tuple(range(1, x.ndim))
    width = points.shared["noise"] * (x.max(axes, keepdims=True) - x.min(axes, keepdims=True))
    drawn = jax.vmap(lambda key: jax.random.normal(key, x.shape[1:], x.dtype))(keys_of(points))
    return points.gradient(x + width * drawn)
