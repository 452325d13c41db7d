"""The clients of one round inside of the compiled program, and how a function is mapped over them.

They are mapped with `vmap`, all at once or some at a time; under the sharded placement the axis of
clients is the one that devices divide.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmed.federated.aggregation import Aggregation
from jaxmed.typing import AnyArray, Array, Batch, Key, Tree

CLIENT, CLIENT_ROWS = "client", "client_rows"
"""Columns that rows have in a federated training: their client, and how many rows it has."""
_SERVER = 2**31 - 1
"""Folded into the key of a round for the server; no client has this number."""


class Member(NamedTuple):
    """One client of the round.

    Attributes:
        place: in the round, from 0.
        number: of the client; 0 in a place that is empty.
        reports: whether it took part and reports.
        share: of the sum of changes.
        key: its own, the same at every place.
        steps: its batches [steps, batch, ...].
    """

    place: Array
    number: Array
    reports: Array
    share: Array
    key: Key
    steps: Batch


@dataclasses.dataclass(frozen=True)
class Cohort:
    """All clients of a round; each array has their axis first.

    Attributes:
        members: stacked.
        key: of the round.
        aggregation: of what they send.
        at_once: how many are mapped at a time.
    """

    members: Member
    key: Key
    aggregation: Aggregation
    at_once: int

    @property
    def number(self) -> Array:
        """Of the client at each place [clients]."""
        return self.members.number

    @property
    def reports(self) -> Array:
        """Whether the client at each place reports [clients]."""
        return self.members.reports

    def encode(
        self, member: Member, change: Tree, *, part: int = 0, share: AnyArray | float | None = None
    ) -> Tree:
        """What a client sends of a change, multiplied by its share.

        Args:
            member: the client.
            change: of what the server holds.
            part: number of what is sent; each has random numbers of its own.
            share: other than that of the member; only where it reports.
        """
        used = member.share if share is None else jnp.where(member.reports, share, 0.0)
        if not jax.tree.leaves(change):
            return change
        key = jax.random.fold_in(self._server_key(), part)
        return self.aggregation.encode(key, member.place, self.reports, used, change)

    def decode(self, sums: Tree, *, part: int = 0) -> Tree:
        """The mean change from the sum of all that was sent."""
        if not jax.tree.leaves(sums):
            return sums
        return self.aggregation.decode(jax.random.fold_in(self._server_key(), part), sums)

    def total(self, function: Callable[[Member], tuple[Tree, Tree]]) -> tuple[Tree, Tree]:
        """The sum over clients of what a function gives first, and all that it gives second.

        Args:
            function: `member -> (what is added up, what is kept of each)`.

        Returns:
            The sums, and the others stacked [clients, ...].
        """
        clients = self.reports.shape[0]
        parts = clients // self.at_once
        if parts == 1:
            each, kept = jax.vmap(function)(self.members)
            return _summed(each), kept
        # Part j has the clients j, j + parts, ..., so that each has some of every device.
        split = jax.tree.map(
            lambda x: jnp.swapaxes(x.reshape(self.at_once, parts, *x.shape[1:]), 0, 1),
            self.members,
        )

        def add(so_far: Tree, part: Member) -> tuple[Tree, Tree]:
            if self.at_once == 1:  # not mapped: convolutions are then faster, padding is skipped
                sent, kept = function(jax.tree.map(lambda x: x[0], part))
                kept = jax.tree.map(lambda x: x[None], kept)
            else:
                each, kept = jax.vmap(function)(part)
                sent = _summed(each)
            return jax.tree.map(jnp.add, so_far, sent), kept

        first = jax.tree.map(lambda x: x[0, 0], split)
        shapes, _ = jax.eval_shape(function, first)
        zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
        sums, kept = jax.lax.scan(add, zeros, split)
        return sums, jax.tree.map(
            lambda x: jnp.swapaxes(x, 0, 1).reshape(clients, *x.shape[2:]), kept
        )

    def _server_key(self) -> Key:
        return jax.random.fold_in(self.key, _SERVER)


def cohort_of(
    batch: Batch, key: Key, *, clients: int, steps: int, at_once: int, aggregation: Aggregation
) -> Cohort:
    """The clients of a round from its batch, [clients x steps x rows, ...].

    Args:
        batch: with the columns `client` and `client_rows`.
        key: of the round.
        clients: places of the round.
        steps: local steps.
        at_once: clients that are mapped at a time.
        aggregation: of what they send.
    """
    lines = {
        name: jnp.asarray(column).reshape(clients, steps, -1, *column.shape[1:])
        for name, column in batch.items()
    }
    there = lines["mask"] > 0
    reports = there.any(axis=(1, 2))
    number = jnp.where(there, lines.pop(CLIENT), 0).max(axis=(1, 2)).astype(jnp.int32)
    rows = jnp.where(there, lines.pop(CLIENT_ROWS), 0).max(axis=(1, 2))
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, number)
    shares = aggregation.shares(rows, reports)
    places = jnp.arange(clients, dtype=jnp.int32)
    members = Member(places, number, reports, shares, keys, lines)
    return Cohort(members, key, aggregation, at_once)


def _summed(each: Any) -> Any:
    """Over the first axis, in the type of the numbers."""
    return jax.tree.map(lambda x: x.sum(0, dtype=x.dtype), each)
