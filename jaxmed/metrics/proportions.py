"""Confidence intervals of proportions, such as sensitivity: so many of so many rows.

Rows are assumed to be independent: if patients have several rows, use the bootstrap by patient.
"""

import math
from statistics import NormalDist

from jaxmed import checks
from jaxmed.metrics.bootstrap import Interval

__all__ = ["proportion_interval"]

METHODS = ("exact", "wilson")


def proportion_interval(
    count: int, total: int, *, level: float = 0.95, method: str = "exact"
) -> Interval:
    """The proportion `count / total` with a binomial confidence interval.

    "exact" is the interval of Clopper and Pearson: it covers at least as often as `level` says,
    and is therefore wider. "wilson" covers as often on average.

    Args:
        count: how many of them, 0 .. total.
        total: how many there are. Of 0 there is no proportion: all three are NaN.
        level: nominal coverage, in (0, 1).
        method: "exact" or "wilson".

    Returns:
        The proportion and the ends of its interval, in [0, 1].

    Raises:
        ValueError: if an argument lies outside its range.

    Example:
        >>> value, low, high = proportion_interval(9, 10)
        >>> f"{value:.3f} [{low:.3f}, {high:.3f}]"
        '0.900 [0.555, 0.997]'

    References:
        Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of
        the binomial, 1934; Wilson, Probable inference, the law of succession, and statistical
        inference, 1927.
    """
    total = checks.whole("total", total, least=0)
    count = checks.whole("count", count, least=0, most=total)
    checks.fraction("level", level, above_zero=True, below_one=True)
    checks.known("method", method, METHODS)
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    if method == "exact":
        ends = _exact(count, total, level)
    else:
        ends = wilson_ends(count / total, total, level)
    return Interval(count / total, *ends)


def _exact(count: int, total: int, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = betaincinv(count, total - count + 1, tail) if count > 0 else 0.0
    high = betaincinv(count + 1, total - count, 1 - tail) if count < total else 1.0
    return float(low), float(high)


def wilson_ends(share: float, total: float, level: float) -> tuple[float, float]:
    """Both ends of Wilson's interval of a share, also of one that no whole count has.

    Args:
        share: in [0, 1].
        total: of how many, above 0.
        level: nominal coverage.
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    center = share + z**2 / (2 * total)
    margin = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = ((center + sign * margin) / (1 + z**2 / total) for sign in (-1, 1))
    # Rounding must not leave a share of 0 or 1 outside of its interval.
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)
