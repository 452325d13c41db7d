"""What steps cost: epsilon of the Poisson-sampled Gaussian mechanism, and the noise for a target.

The numbers are those of Google's `dp-accounting`. Neighbors are two data sets of which one has one
unit (a row, or a patient) more. Of the ways to compose, `pld` (privacy loss distributions) is the
tightest; `rdp` (Rényi divergences) is quicker and looser, and `rdp_2019` is its older conversion,
in which many published figures are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from jaxmed import checks

Steps: TypeAlias = tuple[float, float, int]
"""(sampling rate, noise multiplier, steps)."""
ACCOUNTANTS = ("pld", "rdp", "rdp_2019")
_WHOLE_ORDERS = (*range(2, 65), 80, 128, 256, 512, 1024)
"""Orders of quick bounds: fractional ones take long where there is little noise."""
MOST_NOISE = 1000.0
"""The largest noise multiplier that is looked for."""
_CLOSE, _TURNS, _TINY = 1e-3, 8, 1e-12


def epsilon_of(releases: Sequence[Steps], delta: float, *, accountant: str = "pld") -> float:
    """Epsilon of all steps of several trainings together, at a delta.

    Args:
        releases: of each training the sampling rate in (0, 1], the noise multiplier, at least 0,
            and the number of steps.
        delta: in (0, 1).
        accountant: "pld", "rdp" or "rdp_2019".

    Returns:
        Epsilon; infinity where a training has no noise, 0 without trainings.

    Raises:
        ModuleNotFoundError: if dp-accounting is not installed.

    References:
        Mironov, Rényi Differential Privacy, 2017 (`rdp_2019`: proposition 3).
        Canonne, Kamath and Steinke, The Discrete Gaussian for Differential Privacy, 2020 (`rdp`).
        Doroshenko et al., Connect the Dots: Tighter Discrete Approximations of Privacy Loss
        Distributions, 2022 (`pld`).
    """
    checks.fraction("delta", delta, below_one=True, above_zero=True)
    delta = float(delta)  # dp-accounting is slow with arrays
    checks.known("accountant", accountant, ACCOUNTANTS)
    triples = checks.sequence("releases", releases, "triples")
    found = [_release(number, each) for number, each in enumerate(triples)]
    if not found:
        return 0.0
    if any(noise == 0 for _, noise, _ in found):
        return math.inf
    # At large sampling rates the series of fractional orders do not converge.
    largest = max(rate for rate, _, _ in found)
    ledger = _composed(found, accountant, None if largest <= 0.05 else _WHOLE_ORDERS)
    if accountant != "rdp_2019":
        return float(ledger.get_epsilon(delta))
    orders, divergences = (np.asarray(each) for each in (ledger._orders, ledger._rdp))
    return float(np.min(divergences + math.log(1 / delta) / (orders - 1)))


def quick_bound(release: Steps, delta: float) -> float:
    """An upper bound of epsilon in milliseconds: RDP at whole orders.

    Args:
        release: sampling rate, noise multiplier, steps.
        delta: in (0, 1).
    """
    if release[1] == 0:
        return math.inf
    return float(_composed([release], "rdp", _WHOLE_ORDERS).get_epsilon(delta))


def noise_multiplier_for(
    *, epsilon: float, delta: float, sampling_rate: float, steps: int
) -> float:
    """The least noise with which so many steps spend at most `epsilon`, up to a thousandth.

    RDP gives an upper bound quickly, which PLD then lowers.

    Args:
        epsilon: above 0.
        delta: in (0, 1); at most 1 / units, or a unit could be published as it is.
        sampling_rate: the probability of each unit to be in a batch, in (0, 1].
        steps: at least 1.

    Returns:
        The noise multiplier, of which `epsilon_of` is at most `epsilon` by PLD.

    Raises:
        ValueError: if no noise up to 1,000 reaches the target.
        ModuleNotFoundError: if dp-accounting is not installed.
    """
    checks.positive("epsilon", epsilon)
    checks.fraction("delta", delta, below_one=True, above_zero=True)
    checks.fraction("sampling_rate", sampling_rate, above_zero=True)
    epsilon, delta, sampling_rate = float(epsilon), float(delta), float(sampling_rate)
    steps = checks.whole("steps", steps)

    def spent(noise: float) -> float:
        return epsilon_of([(sampling_rate, noise, steps)], delta)

    def bound(noise: float) -> float:
        return quick_bound((sampling_rate, noise, steps), delta)

    most = 0.25
    while most < MOST_NOISE and bound(most) > epsilon:
        most *= 2
    most = min(most, MOST_NOISE)
    least = spent(most) if most == MOST_NOISE else 0.0
    if least > epsilon:
        raise ValueError(
            f"epsilon is {epsilon}, which no noise_multiplier up to {MOST_NOISE:,.0f} reaches in "
            f"{steps:,} steps at sampling_rate {sampling_rate:.4g} (it spends {least:.3g}): ask "
            "for a larger epsilon, fewer steps or smaller batches."
        )
    if bound(most) <= epsilon:
        most = _bisected(most / 1024, most, lambda noise: bound(noise) <= epsilon)
    # PLD allows at least half of the noise that RDP asks for, in all practical ranges.
    return _interpolated(most / 2, most, spent, epsilon)


def _bisected(below: float, above: float, enough: Any) -> float:
    """The least number that is enough, from above and up to a thousandth; `above` is enough."""
    while above / below > 1 + _CLOSE:
        middle = math.sqrt(below * above)
        if enough(middle):
            above = middle
        else:
            below = middle
    return above


def _interpolated(
    below: float, above: float, spent: Callable[[float], float], epsilon: float
) -> float:
    """As `_bisected` for `spent(noise) <= epsilon`, in about four accounts, which take long.

    Epsilon is nearly a power of the noise: a line through the logarithms of two accounts leads to
    the target, and an account a thousandth away, on its other side, ends the search.
    """
    step = 1 + 0.9 * _CLOSE
    noise, slope, turn = above, -1.0, 0
    excess = math.log(max(spent(noise), _TINY) / epsilon)
    while above / below > 1 + _CLOSE:
        guess = noise * math.exp(-excess / slope) * (1 + _CLOSE / 4)
        guess = min(max(guess, below * step), above / step)
        if turn > _TURNS:  # no power after all
            guess = math.sqrt(below * above)
        before, noise = (noise, excess), guess
        excess = math.log(max(spent(noise), _TINY) / epsilon)
        below, above = (below, noise) if excess <= 0 else (noise, above)
        slope = min((excess - before[1]) / math.log(noise / before[0]), -0.1)
        turn += 1
    return above


def _release(number: int, value: Any) -> Steps:
    name = f"releases[{number}]"
    triple = checks.sequence(name, value, "(sampling rate, noise multiplier, steps)")
    if len(triple) != 3:
        raise ValueError(
            f"{name} is {checks.shown(value)}, but must be (sampling rate, noise multiplier, "
            "steps): give three numbers."
        )
    rate, noise, steps = triple
    checks.fraction(name, rate, above_zero=True)
    checks.at_least(name, noise, 0)
    return float(rate), float(noise), checks.whole(name, steps)


def _composed(releases: Sequence[Steps], accountant: str, orders: Sequence[float] | None) -> Any:
    """The accountant of dp-accounting after all these steps."""
    accounting = _dp_accounting()
    if accountant == "pld":
        ledger = accounting.pld.PLDAccountant()
    else:
        ledger = accounting.rdp.RdpAccountant(orders)
    for rate, noise, steps in releases:
        event = accounting.PoissonSampledDpEvent(rate, accounting.GaussianDpEvent(noise))
        ledger.compose(accounting.SelfComposedDpEvent(event, steps))
    return ledger


def _dp_accounting() -> Any:
    try:
        import dp_accounting
        import dp_accounting.pld
        import dp_accounting.rdp
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Accounting for privacy needs dp-accounting, which is not installed: "
            "pip install 'jaxmed[privacy]'."
        ) from error
    return dp_accounting
