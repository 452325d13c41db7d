"""A private training as one value: what each step releases, how often, and what that costs."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from jaxmed import checks
from jaxmed.data.batches import MOST_ROWS
from jaxmed.privacy import accounting
from jaxmed.privacy.clipping import check_clip
from jaxmed.privacy.gradient import private_mean
from jaxmed.privacy.sampling import PoissonOrder, capacity_for, overflow
from jaxmed.tasks import Task
from jaxmed.training.gradients import Gradient
from jaxmed.training.options import MOST_STEPS

OVERFLOW_SHARE = 1e-3
"""Of delta, what batches that overflow may take by default."""
_SHARES = (OVERFLOW_SHARE, 0.5)
"""Of delta, tried in turn."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DPSGD:
    """The Poisson-sampled Gaussian mechanism, repeated: what DP-SGD and DP-Adam release.

    Made by `dp_sgd`. Neighbors are two data sets of which one has one unit more.

    Attributes:
        units: rows or groups of the training split, taken to be public.
        batch_size: expected units per step; each is drawn with probability batch_size / units.
        steps: as many as are charged.
        clip: bound of the norm of the gradient of a unit.
        noise_multiplier: deviation of the noise in units of `clip`.
        delta: the probability with which the bound by epsilon may fail.
        capacity: units that a batch holds.
        microbatches: parts in which the gradient goes through a batch.
        unit: "row", or "group" where the column `group` says which rows are of one patient.
        rows_per_unit: of a group with more rows, random ones are drawn at each step.
    """

    units: int
    batch_size: float
    steps: int
    clip: float
    noise_multiplier: float
    delta: float
    capacity: int
    microbatches: int = 1
    unit: Literal["row", "group"] = "row"
    rows_per_unit: int = 1

    def __post_init__(self) -> None:
        for name, most in (
            ("units", 2**40),
            ("steps", MOST_STEPS),
            ("capacity", MOST_ROWS),
            ("microbatches", MOST_ROWS),
            ("rows_per_unit", MOST_ROWS),
        ):
            object.__setattr__(self, name, checks.whole(name, getattr(self, name), most=most))
        checks.positive("batch_size", self.batch_size)
        if self.batch_size > self.units:
            raise ValueError(
                f"batch_size is {self.batch_size}, but there are {self.units} units: ask for fewer."
            )
        check_clip("clip", self.clip)
        checks.at_least("noise_multiplier", self.noise_multiplier, 0)
        checks.fraction("delta", self.delta, below_one=True, above_zero=True)
        for name in ("batch_size", "clip", "noise_multiplier", "delta"):  # equal, hashed, written
            object.__setattr__(self, name, float(getattr(self, name)))
        _check_unit(self.unit, self.rows_per_unit)
        if self.capacity % self.microbatches:
            raise ValueError(
                f"microbatches is {self.microbatches}, which does not divide capacity, "
                f"{self.capacity}: choose a divisor."
            )

    @property
    def sampling_rate(self) -> float:
        """The probability of each unit to be in a batch."""
        return self.batch_size / self.units

    @property
    def rows(self) -> int:
        """Rows of a batch, padding included."""
        return self.capacity * self.rows_per_unit

    @property
    def gradient(self) -> Callable[[Task], Gradient]:
        """For `fit` and `make_train_step`; the same function for equal mechanisms."""
        return _gradient(
            self.clip,
            self.noise_multiplier,
            self.batch_size,
            self.microbatches,
            self.rows_per_unit,
        )

    def order(self, groups: np.ndarray | None = None) -> PoissonOrder:
        """For `fit`, which samples the batches.

        Args:
            groups: of each row [rows], where groups are protected.
        """
        return PoissonOrder(
            self.sampling_rate,
            self.capacity,
            microbatches=self.microbatches,
            rows_per_unit=self.rows_per_unit,
            groups=groups,
        )

    def epsilon(self, *, accountant: str = "pld") -> float:
        """What all steps spend at `delta`."""
        return total_epsilon([self], self.delta, accountant=accountant)


def dp_sgd(
    *,
    units: int,
    batch_size: float,
    steps: int,
    delta: float,
    epsilon: float | None = None,
    noise_multiplier: float | None = None,
    clip: float = 1.0,
    microbatch: int = 32,
    unit: Literal["row", "group"] = "row",
    rows_per_unit: int = 1,
) -> DPSGD:
    """The mechanism of a private training, with the noise for a target epsilon or a given one.

    The capacity of a batch is so large that overflowing takes at most a thousandth of delta.

    Args:
        units: rows of the training split, or groups where those are protected.
        batch_size: expected units per step.
        steps: of the whole training.
        delta: at most 1 / units, and better a tenth of it.
        epsilon: to spend in all steps, above 0, by PLD.
        noise_multiplier: instead of `epsilon`.
        clip: bound of the norm of the gradient of a unit.
        microbatch: units whose gradients exist at the same time, on all devices together; a
            multiple of the number of devices.
        unit: what is protected: each "row", or each "group" (a patient) of the column `group`.
        rows_per_unit: rows of a group that a step reads at most.

    Raises:
        ValueError: for numbers out of range, an epsilon that no noise reaches, or both or neither
            of `epsilon` and `noise_multiplier`.
        ModuleNotFoundError: if dp-accounting is not installed.

    References:
        Abadi et al., Deep Learning with Differential Privacy, 2016.
    """
    units = checks.whole("units", units, most=2**40)
    checks.positive("batch_size", batch_size)
    if batch_size > units:
        raise ValueError(
            f"batch_size is {batch_size}, but there are {units} units: ask for fewer per step."
        )
    steps = checks.whole("steps", steps, most=MOST_STEPS)
    microbatch = checks.whole("microbatch", microbatch, most=MOST_ROWS)
    checks.fraction("delta", delta, below_one=True, above_zero=True)
    check_clip("clip", clip)
    _check_unit(unit, rows_per_unit)
    if delta > 1 / units:
        raise ValueError(
            f"delta is {delta}, but must be at most 1 / units, {1 / units:.3g}: a mechanism that "
            "publishes one unit as it is would satisfy more."
        )
    if (epsilon is None) == (noise_multiplier is None):
        raise ValueError(
            "epsilon and noise_multiplier are both given or both missing: give one of the two."
        )
    rate = batch_size / units
    if noise_multiplier is None:
        noise_multiplier = accounting.noise_multiplier_for(
            epsilon=epsilon,  # type: ignore[arg-type]
            delta=delta * (1 - OVERFLOW_SHARE),
            sampling_rate=rate,
            steps=steps,
        )
    checks.at_least("noise_multiplier", noise_multiplier, 0)
    if epsilon is None:
        epsilon = accounting.quick_bound((rate, noise_multiplier, steps), delta)
    # Of a huge epsilon the failure would have to be unlikely beyond any number.
    probability = max(OVERFLOW_SHARE * delta / steps / (1 + math.exp(min(epsilon, 100))), 1e-300)
    capacity = capacity_for(
        units=units, sampling_rate=rate, probability=probability, multiple=microbatch
    )
    return DPSGD(
        units=units,
        batch_size=batch_size,
        steps=steps,
        clip=clip,
        noise_multiplier=noise_multiplier,
        delta=delta,
        capacity=capacity,
        microbatches=capacity // microbatch,
        unit=unit,
        rows_per_unit=rows_per_unit,
    )


def total_epsilon(mechanisms: Sequence[DPSGD], delta: float, *, accountant: str = "pld") -> float:
    """What several trainings on the same units spend together.

    Where batches overflow with probability p in any step, the mechanism differs from an exact
    sampling by p in total variation, so (epsilon, d) becomes (epsilon, d + (1 + e^epsilon) p): a
    share of delta is kept for it.

    Args:
        mechanisms: of the trainings, each with one unit of the same kind.
        delta: of all together, in (0, 1).
        accountant: "pld", "rdp" or "rdp_2019".

    Returns:
        Epsilon; infinity where there is no noise, or batches overflow too often.
    """
    for number, each in enumerate(checks.sequence("mechanisms", mechanisms, "what dp_sgd makes")):
        checks.made_by(f"mechanisms[{number}]", each, DPSGD, "what dp_sgd(...) makes")
    checks.fraction("delta", delta, below_one=True, above_zero=True)
    releases = [(each.sampling_rate, each.noise_multiplier, each.steps) for each in mechanisms]
    failing = sum(
        each.steps * overflow(each.units, each.sampling_rate, each.capacity) for each in mechanisms
    )
    if failing == 0:
        return accounting.epsilon_of(releases, delta, accountant=accountant)
    for share in _SHARES:
        epsilon = accounting.epsilon_of(releases, delta * (1 - share), accountant=accountant)
        # (1 + e^epsilon) failing <= share delta, as logarithms: e^epsilon may be beyond any float.
        if math.log(failing) + float(np.logaddexp(0, epsilon)) <= math.log(share * delta):
            return epsilon
    return math.inf


def _check_unit(unit: str, rows_per_unit: int) -> None:
    checks.known("unit", unit, ("row", "group"))
    if unit == "row" and rows_per_unit != 1:
        raise ValueError(
            f"rows_per_unit is {checks.shown(rows_per_unit)}, but unit is 'row': protect each "
            "'group', or leave rows_per_unit at 1."
        )


@functools.lru_cache(maxsize=64)
def _gradient(
    clip: float, noise_multiplier: float, batch_size: float, microbatches: int, rows_per_unit: int
) -> Callable[[Task], Gradient]:
    return functools.partial(
        private_mean,
        clip=clip,
        noise_multiplier=noise_multiplier,
        batch_size=batch_size,
        microbatches=microbatches,
        rows_per_unit=rows_per_unit,
    )
