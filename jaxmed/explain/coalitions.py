"""The value of a coalition: the mean score where all other players come from the background."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.explain.background import background_values
from jaxmed.explain.explained import Explained
from jaxmed.explain.points import Points, each
from jaxmed.typing import Array, Columns

MOST_PREDICTIONS = 2**24
"""Predictions of one call, in all rows together."""


@dataclasses.dataclass(frozen=True, eq=False)
class Players:
    """Which numbers of the explained value play together.

    Attributes:
        of: [*shape], the player of each number, from 0.
        count: how many there are.
    """

    of: np.ndarray
    count: int

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values [rows, players] in the shape of the explained value; equal parts to its numbers.

        So the sum over a row stays the sum over the players.
        """
        sizes = np.bincount(self.of.ravel(), minlength=self.count)
        parts = (values / sizes)[:, self.of.ravel()]
        return parts.reshape(len(values), *self.of.shape).astype(np.float32)


def players_of(of: Explained, groups: Any) -> Players:
    """The players: those that `groups` says, or else columns, or positions with all channels.

    Args:
        of: what is explained.
        groups: [*shape] or [*space], whole numbers from 0, the player of each number; or None.

    Raises:
        ValueError: if they have another shape, or a number between is missing.
    """
    space = of.shape[:-1] if len(of.shape) > 1 else of.shape
    if groups is None:
        found = np.arange(int(np.prod(space))).reshape(space)
    else:
        found = checks.real_array("groups", groups)
        if found.shape not in (space, of.shape):
            raise ValueError(
                f"groups has shape {found.shape}, but must be {space} or {of.shape}: the player of "
                f"each number of {of.layer!r}."
            )
        if found.dtype.kind not in "iu" or found.min() < 0:
            raise ValueError("groups must hold whole numbers from 0: one for each player.")
        if len(np.unique(found)) != found.max() + 1:
            raise ValueError(
                f"groups reaches to {found.max()}, but some numbers below are missing: number the "
                "players from 0."
            )
    if found.shape != of.shape:
        found = np.broadcast_to(found[..., None], of.shape)
    return Players(found.astype(np.int32), int(found.max()) + 1)


def coalition_values(
    of: Explained, players: Players, background: Columns | Source, members: np.ndarray, way_out: str
) -> Iterator[np.ndarray]:
    """The value of each coalition for one batch of rows after another, [coalitions, rows], float64.

        v(S) = mean over background rows b of score(x on the players of S, b elsewhere)

    Args:
        of: what is explained.
        players: what a coalition is made of.
        background: columns or a source.
        members: [coalitions, players] whether a player is in.
        way_out: what to do where these are too many predictions, for the message.
    """
    rows = background_values(of, background)
    check_predictions(len(members), len(rows), of.rows, way_out)
    steps = {
        "member": np.repeat(members, len(rows), axis=0),
        "other": np.tile(np.arange(len(rows), dtype=np.int32), len(members)),
    }
    shared = {"background": rows, "player": players.of.reshape(-1)}
    for scores in each(of, _of_coalition, steps=steps, shared=shared):
        found = scores.astype(np.float64).reshape(len(members), len(rows), -1)
        yield found.mean(1)


def check_predictions(coalitions: int, background: int, rows: int, way_out: str) -> None:
    """Refuse more predictions than the upper limit, before anything is computed."""
    needed = coalitions * background * rows
    if needed > MOST_PREDICTIONS:
        raise ValueError(
            f"data has {rows:,} rows, which with {coalitions:,} coalitions and {background:,} rows "
            f"of background need {needed:,} predictions, but must need at most "
            f"{MOST_PREDICTIONS:,}: {way_out}"
        )


def _of_coalition(points: Points) -> Array:
    x, background = points.x, points.shared["background"]
    chosen = jnp.take(points.given["member"], points.shared["player"], axis=1).reshape(x.shape)
    return points.score(jnp.where(chosen, x, background[points.given["other"]]))
