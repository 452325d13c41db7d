"""Shapley values from some coalitions: a weighted linear regression."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.coalitions import coalition_values, players_of
from jaxmed.explain.explained import Score, Target, explained
from jaxmed.tasks import Model
from jaxmed.typing import Columns

_WAY_OUT = "use fewer samples, rows, background rows or groups."
MOST_SAMPLES = 2**20
"""Upper limit of the number of coalitions."""


def kernel_shap(
    model: Model,
    data: Columns | Source,
    background: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    groups: Any = None,
    samples: int = 2048,
    seed: int = 0,
    batch_size: int = 1024,
) -> np.ndarray:
    """Shapley values as the solution of a weighted least-squares problem over coalitions.

        minimize sum over S of w(|S|) (v(S) - v(none) - sum over i in S of phi_i)^2
        with w(s) = (n - 1) / (C(n, s) s (n - s)) and sum of all phi_i = v(all) - v(none)

    Coalitions of the sizes with the largest weights are all taken as long as `samples` allows;
    the others are drawn, each with its complement. If all are taken, the result is that of
    `exact_shapley`. All rows share the coalitions.

    Args:
        model: trained or loaded.
        data: as in `saliency`.
        background: columns or a source such as `data`: some rows of the training split.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        groups: as in `exact_shapley`.
        samples: coalitions, at least two per player (or all there are).
        seed: of the draws.
        batch_size: points per call of a program; it bounds the memory.

    Returns:
        [rows, *shape of the explained value], with sign.

    Raises:
        ValueError: if an argument is wrong, there are too few samples for the players, or more
            than 2^24 predictions were needed.

    References:
        Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, 2017, theorem 2;
        Covert and Lee, Improving KernelSHAP, 2021, section 4 (pairs of coalitions).
    """
    samples = checks.whole("samples", samples, most=MOST_SAMPLES)
    seed = checks.whole("seed", seed, least=0)
    of = explained(model, data, target, layer, score, batch_size)
    players = players_of(of, groups)
    count = players.count
    if samples < 2 * count and (count > 24 or samples < 2**count - 2):
        raise ValueError(
            f"samples is {samples:,}, but must be at least {2 * count:,} for {count:,} players: "
            "use more, or join players by groups."
        )
    drawn, weights = _coalitions(count, samples, np.random.default_rng(seed))
    ends = np.stack([np.zeros(count, bool), np.ones(count, bool)])
    both = np.concatenate([ends, drawn])
    parts = [
        _solved(drawn, weights, values[0], values[1], values[2:])
        for values in coalition_values(of, players, background, both, _WAY_OUT)
    ]
    return players.spread(np.concatenate(parts))


def _coalitions(
    players: int, samples: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Coalitions [number, players] other than none and all, and their weights."""
    members: list[np.ndarray] = [np.zeros((0, players), bool)]
    weights: list[np.ndarray] = [np.zeros(0)]
    sizes = np.arange(1, players)
    of_size = (players - 1) / (sizes * (players - sizes))  # of all coalitions of that size
    left, smaller = samples, 1
    while smaller <= players // 2:
        pair = {smaller, players - smaller}
        number = math.comb(players, smaller)
        if number * len(pair) > left:
            break
        for size in sorted(pair):
            members.append(_all_of_size(players, size))
            weights.append(np.full(number, of_size[size - 1] / number))
        left -= number * len(pair)
        smaller += 1
    rest = sizes[(sizes >= smaller) & (sizes <= players - smaller)]
    if len(rest) and left >= 2:
        chance = of_size[rest - 1] / of_size[rest - 1].sum()
        chosen = random.choice(rest, left // 2, p=chance)
        order = random.random((len(chosen), players)).argsort(axis=1).argsort(axis=1)
        one = order < chosen[:, None]
        members += [one, ~one]
        weights.append(np.full(2 * len(chosen), of_size[rest - 1].sum() / (2 * len(chosen))))
    return np.concatenate(members), np.concatenate(weights)


def _all_of_size(players: int, size: int) -> np.ndarray:
    chosen = np.array(list(itertools.combinations(range(players), size)))
    members = np.zeros((len(chosen), players), bool)
    np.put_along_axis(members, chosen, True, axis=1)
    return members


def _solved(
    members: np.ndarray, weights: np.ndarray, none: np.ndarray, every: np.ndarray, v: np.ndarray
) -> np.ndarray:
    """The shares [rows, players]: least squares where the last share is what the others leave."""
    total = every - none
    if not len(members):
        return total[:, None]
    z = members.astype(np.float64)
    root = np.sqrt(weights)[:, None]
    left = root * (z[:, :-1] - z[:, -1:])
    right = root * (v - none[None] - z[:, -1:] * total[None])
    shares = np.linalg.lstsq(left, right, rcond=None)[0].T
    return np.concatenate([shares, total[:, None] - shares.sum(1, keepdims=True)], axis=1)
