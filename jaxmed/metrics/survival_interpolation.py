"""Predicted survival and incidence at other times than those they were predicted at."""

import numpy as np

from jaxmed import checks
from jaxmed.metrics.survival_arguments import ROUNDING, increasing_times, survival_at_times
from jaxmed.typing import Float, Num

__all__ = ["incidence_at", "survival_at"]

_LEAST = 1e-12  # of a probability, so that its logarithm is finite


def survival_at(
    survival: Float[np.ndarray, "rows ends"],
    ends: Num[np.ndarray, " ends"],
    times: Num[np.ndarray, " times"],
) -> Float[np.ndarray, "rows times"]:
    """Survival at any times, with a constant hazard between the ends at which it was predicted.

    For a time t between the ends a < b

        S(t) = S(a)^(1 - w) S(b)^w,   w = (t - a) / (b - a)

    Survival is 1 at time 0, and stays what it is after the last of the ends.

    Args:
        survival: [rows, ends], probability of no event until each end, not increasing.
        ends: [ends], above 0 and strictly increasing.
        times: [times], at least 0 and strictly increasing, in the unit of `ends`.

    Returns:
        [rows, times].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> survival_at(np.array([[0.25]]), np.array([10.0]), np.array([0.0, 5.0, 20.0]))
        array([[1.  , 0.5 , 0.25]])

    References:
        Kvamme and Borgan, Continuous and discrete-time survival prediction with neural networks,
        2021, section 3.4, "constant hazard interpolation".
    """
    ends, times = increasing_times(ends), increasing_times(times)
    if ends[0] == 0:
        raise ValueError("ends begins with 0, but must be above 0: survival is 1 there.")
    survival = checks.real_array("survival", survival, "rows ends")
    survival = survival_at_times(survival, len(survival), len(ends))
    hazard, last, after, share = _between(survival, ends, times)
    return np.exp(-(hazard[:, last] * (1 - share) + hazard[:, after] * share))


def incidence_at(
    incidence: Float[np.ndarray, "rows ends causes"],
    ends: Num[np.ndarray, " ends"],
    times: Num[np.ndarray, " times"],
) -> Float[np.ndarray, "rows times causes"]:
    """Cumulative incidence of each cause at any times, with constant hazards between the ends.

    With survival S = 1 - sum_j F_j, interpolated by `survival_at`, for a time t between a < b

        F_j(t) = F_j(a) + (F_j(b) - F_j(a)) (S(a) - S(t)) / (S(a) - S(b))

    so that survival and incidences sum to 1 at every time.

    Args:
        incidence: [rows, ends, causes], probability of an event of each cause until each end, not
            decreasing, of which the sum over the causes is at most 1.
        ends: [ends], above 0 and strictly increasing.
        times: [times], at least 0 and strictly increasing, in the unit of `ends`.

    Returns:
        [rows, times, causes].

    Raises:
        ValueError: if shapes disagree or an argument lies outside its range.

    Example:
        >>> found = incidence_at(np.array([[[0.5, 0.25]]]), np.array([10.0]), np.array([5.0, 10.0]))
        >>> found.round(3)
        array([[[0.333, 0.167],
                [0.5  , 0.25 ]]])
    """
    incidence = checks.real_array("incidence", incidence, "rows ends causes").astype(np.float64)
    ends, times = increasing_times(ends), increasing_times(times)
    checks.shapes(incidence=(incidence, "rows ends causes"), ends=(ends, "ends"))
    steps = np.diff(incidence, axis=1, prepend=0).min(initial=0)
    whole = incidence.sum(-1).max(initial=0)
    if not (steps >= -ROUNDING and whole <= 1 + ROUNDING):
        raise ValueError(
            f"incidence has a step of {steps:g} along ends and causes that sum to {whole:g}, but "
            "must not decrease or sum to more than 1: pass cumulative probabilities."
        )
    at = survival_at((1 - incidence.sum(-1)).clip(0, 1), ends, times)
    after = np.searchsorted(ends, times).clip(max=len(ends) - 1)
    known = np.pad(incidence, ((0, 0), (1, 0), (0, 0)))
    start, end = known[:, after], known[:, after + 1]
    lost = 1 - start.sum(-1) - at
    of_all = (end - start).sum(-1)
    share = np.divide(lost, of_all, out=np.zeros_like(lost), where=of_all > 0).clip(0, 1)
    return start + (end - start) * share[..., None]


def own_survival(survival: np.ndarray, ends: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Survival of each row at a time of its own [rows], interpolated as `survival_at` does.

    Args:
        survival: [rows, ends].
        ends: [ends], above 0 and strictly increasing.
        time: [rows], at least 0.
    """
    hazard, last, after, share = _between(survival, ends, time)
    rows = np.arange(len(time))
    return np.exp(-(hazard[rows, last] * (1 - share) + hazard[rows, after] * share))


def _between(
    survival: np.ndarray, ends: np.ndarray, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cumulative hazards [rows, 1 + ends], and of each time the ends around it and its share."""
    hazard = np.pad(-np.log(survival.clip(_LEAST, 1)), ((0, 0), (1, 0)))
    bounds = np.pad(ends, (1, 0))
    last = np.searchsorted(bounds, times, side="right") - 1
    after = np.minimum(last + 1, len(ends))
    lengths = np.where(after > last, bounds[after] - bounds[last], 1)
    return hazard, last, after, (times - bounds[last]) / lengths * (after > last)
