"""Poisson sampling: every unit is in a batch with one probability, independently of the others.

Accounts of privacy assume it. Batches then have different sizes, but a compiled program has one:
rows are drawn into a batch of fixed capacity, and the mask says which of its places are taken.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data.batches import MOST_ROWS, PADDING
from jaxmed.typing import Int, Key


class PoissonOrder:
    """An order of `fit` (see `data.batches.Order`) in which each step samples anew.

    A function of (key, epoch) alone. A step draws how many units come, then which ones; of a unit
    with more rows than its places, random ones come. Where more units come than there are places,
    the surplus stays out: `overflow` says how likely that is, and it is charged to delta.

    NumPy's generator draws the units. It is no cryptographic one.

    Args:
        sampling_rate: the probability of each unit, in (0, 1].
        capacity: units that a batch holds.
        microbatches: parts in which the gradient goes through a batch; units fill part after part,
            so that the last parts are empty and need not be computed.
        rows_per_unit: places of a unit, rows that follow each other.
        groups: [rows], to which unit each row belongs; by default each row is one.

    Raises:
        ValueError: for numbers out of range, parts that do not divide the capacity, or several rows
            per unit without groups.
    """

    def __init__(
        self,
        sampling_rate: float,
        capacity: int,
        *,
        microbatches: int = 1,
        rows_per_unit: int = 1,
        groups: np.ndarray | None = None,
    ) -> None:
        checks.fraction("sampling_rate", sampling_rate, above_zero=True)
        self.sampling_rate = float(sampling_rate)
        self.capacity = checks.whole("capacity", capacity, most=MOST_ROWS)
        self.microbatches = checks.whole("microbatches", microbatches, most=MOST_ROWS)
        self.rows_per_unit = checks.whole("rows_per_unit", rows_per_unit, most=MOST_ROWS)
        if self.capacity % self.microbatches:
            raise ValueError(
                f"microbatches is {self.microbatches}, which does not divide capacity, "
                f"{self.capacity}: choose a divisor."
            )
        if groups is None and self.rows_per_unit != 1:
            raise ValueError(
                f"rows_per_unit is {self.rows_per_unit}, but no groups are given: pass the group "
                "of each row, or leave rows_per_unit at 1."
            )
        self._groups = None if groups is None else checks.real_array("groups", groups, "rows")
        if self._groups is not None and not self._groups.size:
            raise ValueError("groups is empty, but must have one number per row of the split.")

    def __repr__(self) -> str:  # without the groups: it is written into the folder of a run
        return f"PoissonOrder({self.sampling_rate}, {self.capacity})"

    def steps_per_epoch(self, rows: int, batch_size: int) -> int:
        """Steps in which each unit is expected once."""
        del rows, batch_size
        return math.ceil(1 / self.sampling_rate)

    def __call__(
        self, key: Key, epoch: int, rows: int, batch_size: int
    ) -> Int[np.ndarray, "steps batch"]:
        """The rows of the steps of one epoch, -1 for padding."""
        if batch_size != self.capacity * self.rows_per_unit:
            raise ValueError(
                f"batch_size is {batch_size}, but must be capacity x rows_per_unit, "
                f"{self.capacity * self.rows_per_unit}: train with private_fit, which sees to it."
            )
        members = self._members(rows)
        seed = [*np.asarray(jax.random.key_data(key)).ravel(), epoch]
        generator = np.random.default_rng(seed)
        steps = range(self.steps_per_epoch(rows, batch_size))
        return np.stack([self._step(generator, rows, members) for _ in steps])

    def _members(self, rows: int) -> list[np.ndarray] | None:
        """The rows of each unit; None where each row is one."""
        if self._groups is None:
            return None
        if len(self._groups) != rows:
            raise ValueError(f"groups has {len(self._groups)} rows, but the split has {rows}.")
        order = np.argsort(self._groups, kind="stable")
        starts = np.flatnonzero(np.diff(self._groups[order])) + 1
        return np.split(order, starts)

    def _step(
        self, generator: np.random.Generator, rows: int, members: list[np.ndarray] | None
    ) -> np.ndarray:
        units = rows if members is None else len(members)
        count = min(int(generator.binomial(units, self.sampling_rate)), self.capacity)
        chosen = generator.choice(units, count, replace=False, shuffle=True)
        places = np.full((self.capacity, self.rows_per_unit), PADDING, np.int32)
        if members is None:
            places[:count, 0] = chosen
        else:
            for place, unit in enumerate(chosen):
                own = generator.permutation(members[unit])[: self.rows_per_unit]
                places[place, : len(own)] = own
        # Part j of the gradient takes the units j, j + microbatches, ... of the batch.
        parts = places.reshape(self.microbatches, -1, self.rows_per_unit)
        return parts.swapaxes(0, 1).ravel()


def overflow(units: int, sampling_rate: float, capacity: int) -> float:
    """The probability that more units come than a batch holds, of one step."""
    from scipy import stats

    return float(stats.binom.sf(capacity, units, sampling_rate))


def capacity_for(*, units: int, sampling_rate: float, probability: float, multiple: int = 1) -> int:
    """The smallest capacity that overflows with at most a probability per step.

    Args:
        units: of the training split.
        sampling_rate: the probability of each unit, in (0, 1].
        probability: at most so often, in (0, 1).
        multiple: what divides the capacity.

    Returns:
        Units per batch; where it is `units` or more, nothing overflows.
    """
    units, multiple = checks.whole("units", units), checks.whole("multiple", multiple)
    checks.fraction("sampling_rate", sampling_rate, above_zero=True)
    checks.fraction("probability", probability, below_one=True, above_zero=True)
    least = math.floor(units * sampling_rate)
    while least < units and overflow(units, sampling_rate, least) > probability:
        least += 1
    return max(-(-least // multiple), 1) * multiple


def groups_of(group: Any) -> tuple[np.ndarray, int]:
    """Numbers of the groups from 0 [rows], and how many there are."""
    names, numbers = np.unique(np.asarray(group), return_inverse=True)
    return numbers.astype(np.int32), len(names)
