"""Shapley values, exactly: the fair share of each feature in a score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.explain.coalitions import check_predictions, coalition_values, players_of
from jaxmed.explain.explained import Score, Target, explained
from jaxmed.tasks import Model
from jaxmed.typing import Columns

_WAY_OUT = "use kernel_shap, which draws coalitions, or fewer rows, background rows or groups."


def exact_shapley(
    model: Model,
    data: Columns | Source,
    background: Columns | Source,
    *,
    target: Target = None,
    layer: str | None = None,
    score: Score | None = None,
    groups: Any = None,
    batch_size: int = 1024,
) -> np.ndarray:
    """The Shapley value of each feature, from all 2^features coalitions.

        sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))

    v(S) is the mean score where the features of S are those of the row and all others those of a
    background row (interventional; correlations between features are not kept). The values of a
    row add up to score(x) minus the mean score of the background.

    Args:
        model: trained or loaded.
        data: as in `saliency`.
        background: columns or a source such as `data`: some rows of the training split.
        target: as in `saliency`.
        layer: as in `saliency`.
        score: as in `saliency`.
        groups: the player of each number of the explained value, [*shape] or without its channels
            [*space], from 0; by default a player is a column, a token, or a pixel with its
            channels. The value of a player is divided equally among its numbers.
        batch_size: points per call of a program; it bounds the memory.

    Returns:
        [rows, *shape of the explained value], with sign.

    Raises:
        ValueError: if an argument is wrong, or more than 2^24 predictions were needed.

    References:
        Shapley, A Value for n-Person Games, 1953; Lundberg and Lee, A Unified Approach to
        Interpreting Model Predictions, 2017, equation 4.
    """
    of = explained(model, data, target, layer, score, batch_size)
    players = players_of(of, groups)
    others = batches.count_of(batches.opened(model.arranged(background), "background"))
    # Before anything of that size is made; of an empty background its reader says what is wrong.
    check_predictions(2 ** min(players.count, 60), max(others, 1), of.rows, _WAY_OUT)
    number = np.arange(2**players.count, dtype=np.int32)
    each = [(number >> player & 1).astype(bool) for player in range(players.count)]
    members = np.stack(each, axis=1)
    sizes = members.sum(1)
    weights = np.array([1 / _ways(players.count, size) for size in range(players.count)])
    parts = []
    for values in coalition_values(of, players, background, members, _WAY_OUT):
        found = np.empty((values.shape[1], players.count))
        for player in range(players.count):
            without = np.flatnonzero(~members[:, player])
            gained = values[without + (1 << player)] - values[without]
            found[:, player] = weights[sizes[without]] @ gained
        parts.append(found)
    return players.spread(np.concatenate(parts))


def _ways(players: int, size: int) -> int:
    """One over the weight of a coalition: players! / (size! (players - size - 1)!)."""
    return players * math.comb(players - 1, size)
