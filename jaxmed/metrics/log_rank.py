"""The log-rank test: whether the survival of groups differs."""

from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.risk_sets import counts
from jaxmed.metrics.survival_arguments import time_and_event
from jaxmed.typing import Num

__all__ = ["LogRank", "log_rank"]

_MOST_GROUPS = 1000


class LogRank(NamedTuple):
    """A log-rank test.

    Attributes:
        statistic: chi-squared.
        degrees: degrees of freedom: groups with expected events, minus 1.
        p_value: probability of a statistic at least as large if survival is equal.
        groups: names of the groups in increasing order [groups].
        observed: events in each group [groups].
        expected: events that equal survival would have given [groups].
    """

    statistic: float
    degrees: int
    p_value: float
    groups: np.ndarray
    observed: np.ndarray
    expected: np.ndarray


def log_rank(
    time: Num[np.ndarray, "rows"], event: Num[np.ndarray, "rows"], group: np.ndarray
) -> LogRank:
    """Test whether two or more groups have the same survival.

    At every time u with d events among n rows at risk, a group with n_g rows at risk is expected to
    have d n_g / n of them; the sum of observed minus expected events is compared with its
    hypergeometric covariance. The test has most power if the ratio of hazards is constant over
    time, and little if survival curves cross.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 1 event, 0 censored.
        group: [rows], numbers or strings; two or more different ones.

    Returns:
        The statistic, its p value, and observed and expected events by group.

    Raises:
        ValueError: if shapes disagree, an argument lies outside its range, there is one group, or
            no time has an event while two groups are at risk.

    Example:
        >>> time, group = np.array([1.0, 2.0, 3.0, 4.0]), np.array(["a", "a", "b", "b"])
        >>> round(log_rank(time, np.ones(4), group).p_value, 4)
        0.0896

    References:
        Mantel, Evaluation of survival data and two new rank order statistics arising in its
        consideration, 1966; Kalbfleisch and Prentice, The Statistical Analysis of Failure Time
        Data, 2002, section 1.5.
    """
    time, event = time_and_event(time, event)
    groups, member = _groups(group, len(time))
    found = counts(time, event, 1, np.eye(len(groups))[member])
    at_risk, events = found.at_risk, found.events[0]
    n, d = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / n[:, None]
    observed, expected = events.sum(axis=0), d @ share
    spread = d * (n - d) / np.maximum(n - 1, 1)
    covariance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    # A group that is never at risk at an event tells nothing, and has no variance.
    told = expected > 0
    degrees = int(told.sum()) - 1
    if degrees < 1 or not covariance.any():
        raise ValueError(
            f"event holds {int(d.sum())} events, none of which compares two groups, but must hold "
            "one while rows of both are at risk: use groups that are observed for longer."
        )
    # The differences sum to 0, so that all but one group say everything.
    difference = (observed - expected)[told][1:]
    inverse = np.linalg.pinv(covariance[np.ix_(told, told)][1:, 1:], hermitian=True)
    statistic = float(difference @ inverse @ difference)
    return LogRank(statistic, degrees, _tail(statistic, degrees), groups, observed, expected)


def _groups(group: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        found = np.asarray(group)
    except (ValueError, TypeError):  # lists of unequal lengths, keys of JAX
        found = np.array(None)
    if found.shape != (rows,) or found.dtype.kind not in "biufUS":
        raise ValueError(
            f"group is {checks.shown(group)}, but must be [{rows}] numbers or strings: name the "
            "group of each row."
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError("group is not finite in some rows, but must name a group in each.")
    groups, member = np.unique(found, return_inverse=True)
    if not 2 <= len(groups) <= _MOST_GROUPS:
        raise ValueError(
            f"group holds {len(groups)} different values, but must hold 2 to {_MOST_GROUPS:,}."
        )
    return groups, member


def _tail(statistic: float, degrees: int) -> float:
    """P(chi-squared >= statistic)."""
    from scipy.special import gammaincc

    return float(gammaincc(degrees / 2, statistic / 2))
