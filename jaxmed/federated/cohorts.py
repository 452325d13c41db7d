"""Who takes part in a round, and with which rows: an order of `fit` with one step per round."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.federated.partitions import MOST_CLIENTS
from jaxmed.typing import Int, Key


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cohorts:
    """How clients take part in a round, and how each trains.

    Attributes:
        size: clients that are drawn for a round, without replacement; by default all.
        batch_size: rows of one local step.
        epochs: how often a client goes through its rows in a round.
        steps: local steps at most, so that a client with many rows takes no more; by default as
            many as the epochs have.
        dropout: the probability that a client that was drawn does not report, in [0, 1).
        at_once: clients that train side by side under `vmap`; a divisor of `size`. By default all.
            On a CPU, convolutional networks are fastest with 1.
    """

    size: int | None = None
    batch_size: int
    epochs: int = 1
    steps: int | None = None
    dropout: float = 0.0
    at_once: int | None = None

    def __post_init__(self) -> None:
        for name, most in (
            ("size", MOST_CLIENTS),
            ("batch_size", batches.MOST_ROWS),
            ("epochs", 2**20),
            ("steps", batches.MOST_ROWS),
            ("at_once", MOST_CLIENTS),
        ):
            value = getattr(self, name)
            if value is not None or name in ("batch_size", "epochs"):
                object.__setattr__(self, name, checks.whole(name, value, most=most))
        checks.fraction("dropout", self.dropout, below_one=True)
        if self.size is not None and self.at_once is not None and self.size % self.at_once:
            raise ValueError(
                f"at_once is {self.at_once}, which does not divide size, {self.size}: choose a "
                "divisor."
            )


class CohortOrder:
    """The rows of each round, [clients, local steps, batch] as one line: see `data.batches.Order`.

    A function of (key, round) alone. A client goes through its rows in a new order in each local
    epoch; its last batch, and the steps that others take and it does not, are padding.

    Args:
        client: the client of each row [rows], from 0 without gaps.
        cohorts: how many take part, with which batches.
        sampling_rate: each client comes with this probability, independently of the others, as
            accounts of privacy assume; `cohorts.size` is then the most that a round holds.
    """

    def __init__(
        self,
        client: Int[np.ndarray, " rows"],
        cohorts: Cohorts,
        *,
        sampling_rate: float | None = None,
    ) -> None:
        checks.made_by("cohorts", cohorts, Cohorts, "a Cohorts(...)")
        if sampling_rate is not None:
            checks.fraction("sampling_rate", sampling_rate, above_zero=True)
        self._rows_of = rows_of_clients(client)
        self.sampling_rate, self.cohorts = sampling_rate, cohorts
        self.size = cohorts.size or len(self._rows_of)
        if sampling_rate is None and self.size > len(self._rows_of):
            raise ValueError(
                f"size is {self.size}, but there are only {len(self._rows_of)} clients: ask for "
                "fewer per round."
            )
        most = max(-(-len(own) // cohorts.batch_size) for own in self._rows_of) * cohorts.epochs
        self.steps = most if cohorts.steps is None else min(cohorts.steps, most)
        self.rows = checks.whole("rows", self.size * self.steps * cohorts.batch_size)

    def __repr__(self) -> str:  # without the rows: it is written into the folder of a run
        rate = "" if self.sampling_rate is None else f", sampling_rate={self.sampling_rate}"
        return f"CohortOrder({len(self._rows_of)} clients, {self.cohorts}{rate})"

    def steps_per_epoch(self, rows: int, batch_size: int) -> int:
        """An epoch is a round."""
        del rows, batch_size
        return 1

    def __call__(
        self, key: Key, epoch: int, rows: int, batch_size: int
    ) -> Int[np.ndarray, "steps batch"]:
        """The rows of one round, -1 for padding."""
        if batch_size != self.rows or rows != sum(map(len, self._rows_of)):
            raise ValueError(
                f"batch_size is {batch_size} and train has {rows} rows, but this order is of "
                f"{self.rows} and {sum(map(len, self._rows_of))}: train with federated_fit, which "
                "sees to it."
            )
        generator = np.random.default_rng([*np.asarray(jax.random.key_data(key)).ravel(), epoch])
        chosen = self._chosen(generator)
        reports = generator.random(len(chosen)) >= self.cohorts.dropout
        shape = (self.size, self.steps, self.cohorts.batch_size)
        places = np.full(shape, batches.PADDING, np.int32)
        for place, (number, there) in enumerate(zip(chosen, reports, strict=True)):
            lines = self._local_lines(generator, self._rows_of[number])
            if there:
                places[place, : len(lines)] = lines
        return places.reshape(1, -1)

    def _chosen(self, generator: np.random.Generator) -> np.ndarray:
        clients, count = len(self._rows_of), self.size
        if self.sampling_rate is not None:
            count = min(int(generator.binomial(clients, self.sampling_rate)), self.size)
        return np.sort(generator.choice(clients, count, replace=False))

    def _local_lines(self, generator: np.random.Generator, own: np.ndarray) -> np.ndarray:
        """The rows of each local step of one client [steps, batch]."""
        size = self.cohorts.batch_size
        lines = np.full((self.cohorts.epochs, -(-len(own) // size) * size), batches.PADDING)
        for line in lines:
            line[: len(own)] = generator.permutation(own)
        return lines.reshape(-1, size)[: self.steps]


def rows_of_clients(client: Int[np.ndarray, " rows"]) -> list[np.ndarray]:
    """The rows of each client.

    Args:
        client: the client of each row, from 0.

    Raises:
        ValueError: if a number is missing: that client would have no rows.
    """
    found = checks.real_array("client", client, "rows")
    if not len(found) or found.dtype.kind not in "iu" or found.min() < 0:
        raise ValueError(
            f"client is {checks.shown(client)}, but must hold the client of each row, from 0: pass "
            "what a partition gives, such as site_partition(site)[0]."
        )
    if found.max() >= len(found):
        raise ValueError(
            f"client names client {found.max()}, but there are only {len(found)} rows: number the "
            "clients from 0 without gaps."
        )
    sizes = np.bincount(found)
    empty = np.flatnonzero(sizes == 0)
    if empty.size:
        raise ValueError(
            f"client leaves client {empty[0]} without any row ({empty.size} of {len(sizes)} are "
            "empty): number the clients that have rows from 0 without gaps."
        )
    return np.split(np.argsort(found, kind="stable"), np.cumsum(sizes)[:-1])
