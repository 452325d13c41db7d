"""Attributions that add up to a difference of scores: gradients along a line from a baseline."""

from __future__ import annotations

from typing import Any, Literal

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.background import background_values
from jaxmed.explain.explained import Score, Target, as_array, explained
from jaxmed.explain.gradients import MOST_STEPS, keys_of
from jaxmed.explain.points import Points, summed
from jaxmed.tasks import Model
from jaxmed.typing import Array, Columns


def integrated_gradients(
    model: Model,
    data: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    baseline: Any = None,
    steps: int = 64,
    rule: Literal["midpoint", "gauss_legendre"] = "midpoint",
    batch_size: int = 128,
) -> np.ndarray:
    """The gradient along the line from a baseline to the row, times the way.

        (x - baseline) * integral over a in [0, 1] of d score / d x at baseline + a (x - baseline)

    The attributions of a row add up to score(x) - score(baseline), but for the error of the
    integral; `explain.completeness` measures it.

    Args:
        model: as in `saliency`.
        data: as in `saliency`.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        baseline: a number, an array of the shape of the explained value in one row, or one per
            row [rows, *shape]; by default zeros. Of normalized inputs these are the mean of the
            training split.
        steps: points of the rule.
        rule: "midpoint", (k + 1/2) / steps with equal weights, or "gauss_legendre", better where
            the score is smooth along the line.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value], with sign.

    Raises:
        ValueError: as in `saliency`; if the baseline has another shape.

    References:
        Sundararajan et al., Axiomatic Attribution for Deep Networks, 2017, equation 1.
    """
    steps = checks.whole("steps", steps, most=MOST_STEPS)
    checks.known("rule", rule, ("midpoint", "gauss_legendre"))
    of = explained(model, data, target, layer, score, batch_size)
    start = as_array("baseline", baseline, of.shape, of.rows, of=of.layer)
    points, weights = _midpoint(steps) if rule == "midpoint" else _gauss_legendre(steps)
    along = {"along": points.astype(np.float32), "share": weights.astype(np.float32)}
    return summed(of, _on_the_line, steps=along, rows={"baseline": start})


def expected_gradients(
    model: Model,
    data: Columns | Source,
    background: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    draws: int = 256,
    seed: int = 0,
    batch_size: int = 128,
) -> np.ndarray:
    """Integrated gradients whose baseline is drawn from background rows.

        mean over draws of (x - b) * d score / d x at b + a (x - b)

    with b a row of the background and a in [0, 1]. The attributions of a row add up to score(x)
    minus the mean score of the background, but for the error of the draws. Draw k takes a from
    the k-th of equal parts of [0, 1], which varies less than draws from all of it.

    Args:
        model: as in `saliency`.
        data: as in `saliency`.
        background: columns or a source such as `data`: some rows of the training split.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        draws: of a background row and a place on the line, per row.
        seed: of the draws.
        batch_size: as in `saliency`.

    Returns:
        [rows, *shape of the explained value], with sign.

    Raises:
        ValueError: as in `saliency`; if the background has other shapes.

    References:
        Erion et al., Improving Performance of Deep Learning Models with Axiomatic Attribution
        Priors and Expected Gradients, 2021, equation 3.
    """
    draws = checks.whole("draws", draws, most=MOST_STEPS)
    seed = checks.whole("seed", seed, least=0)
    of = explained(model, data, target, layer, score, batch_size)
    shared = {
        "background": background_values(of, background),
        "key": np.asarray(jax.random.key_data(jax.random.key(seed))),
    }
    steps = {"step": np.arange(draws, dtype=np.int32)}
    return summed(of, _from_background, steps=steps, shared=shared, draws=draws) / np.float32(draws)


def _midpoint(steps: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)


def _gauss_legendre(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Its points and weights on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, weights / 2


def _per_point(numbers: Array, x: Array) -> Array:
    """Numbers [points] with as many axes as `x`."""
    return numbers.reshape(-1, *(1,) * (x.ndim - 1))


def _on_the_line(points: Points) -> Array:
    start = points.given["baseline"]
    way = points.x - start
    at = start + _per_point(points.given["along"], way) * way
    return _per_point(points.given["share"], way) * way * points.gradient(at)


def _from_background(points: Points, *, draws: int) -> Array:
    every = points.shared["background"]

    def drawn(key: Array) -> tuple[Array, Array]:
        one, other = jax.random.split(key)
        return jax.random.randint(one, (), 0, len(every)), jax.random.uniform(other)

    chosen, within = jax.vmap(drawn)(keys_of(points))
    way = points.x - every[chosen]
    along = (points.given["step"] + within) / draws
    return way * points.gradient(every[chosen] + _per_point(along, way) * way)
