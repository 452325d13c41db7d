"""Whether predicted probabilities of an event until a horizon agree with how often it happened."""

from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.bins import MOST_BINS, binned
from jaxmed.metrics.risk_sets import at_times, counts, incidences
from jaxmed.metrics.survival_arguments import check_cause, probability_per_row, time_and_event
from jaxmed.metrics.weighted import Result, Weights, as_columns, as_result, ratio
from jaxmed.typing import Float, Num

__all__ = ["SurvivalCalibration", "calibration_at"]

_RESOLUTION = 1e-12  # what rounding leaves of a survival of 0


class SurvivalCalibration(NamedTuple):
    """Predicted and observed probability of an event by group; [resamples, groups] with weights.

    Attributes:
        predicted: mean predicted probability of each group [groups], in increasing order.
        observed: cumulative incidence of each group at the horizon [groups].
        rows: number of rows of each group [groups].
        gap: mean over the rows of |predicted - observed| of their group; 0 is perfect. One number,
            or [resamples].
    """

    predicted: np.ndarray
    observed: np.ndarray
    rows: np.ndarray
    gap: Result


def calibration_at(
    time: Num[np.ndarray, "rows"],
    event: Num[np.ndarray, "rows"],
    probability: Float[np.ndarray, "rows"],
    horizon: float,
    weights: Weights = None,
    *,
    groups: int = 10,
    cause: int = 1,
    causes: int = 1,
) -> SurvivalCalibration:
    """Predicted probability of an event until a horizon against Kaplan-Meier, by group of risk.

    Groups hold equally many rows, by quantiles of the probability over all rows; rows with equal
    probabilities stay together, so that there may be fewer groups. What was observed in a group is
    1 - Kaplan-Meier at the horizon, or the Aalen-Johansen incidence of `cause` with several
    causes. The gap is above 0 by chance even for a perfect model, more so with small groups.

    Args:
        time: [rows], at least 0, in any unit.
        event: [rows], 0 censored, 1 .. causes the cause of the event.
        probability: [rows], predicted probability of an event of `cause` until the horizon, [0, 1].
        horizon: above 0, in the unit of `time`; observed in every group.
        weights: [resamples, rows], at least 0. Groups are those of all rows in every resample.
        groups: number of groups.
        cause: whose events are predicted, in 1 .. causes.
        causes: number of causes.

    Returns:
        Predicted and observed probability by group, and the gap. NaN in a resample for a group
        that does not reach the horizon; the gap is then NaN too. A group that is not in a resample
        is left out of its gap.

    Raises:
        ValueError: if shapes disagree, an argument lies outside its range, no row has an event of
            the cause, or a group is not observed until the horizon.

    Example:
        >>> time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 1, 1, 0])
        >>> found = calibration_at(time, event, np.array([0.9, 0.9, 0.3, 0.3]), 3.0, groups=2)
        >>> found.observed, round(found.gap, 4)
        (array([0.5, 1. ]), 0.15)

    References:
        Harrell, Regression Modeling Strategies, 2015, section 20.3 (groups against Kaplan-Meier);
        Gerds, Andersen and Kattan, Calibration plots for risk prediction models in the presence of
        competing risks, 2014.
    """
    time, event = time_and_event(time, event, causes)
    cause = check_cause(event, cause, causes)
    probability = probability_per_row("probability", probability, len(time))
    checks.positive("horizon", horizon)
    groups = checks.whole("groups", groups, most=MOST_BINS)
    columns = as_columns(weights, len(time))
    order, first = binned(probability, groups, "mass")
    members = np.split(order, first[1:])
    horizon = float(horizon)
    _check_horizon(time, event, members, horizon)
    observed = np.stack(
        [_incidence(time[m], event[m], horizon, cause, int(causes), columns[m]) for m in members]
    )
    rows = np.stack([columns[m].sum(axis=0) for m in members])
    predicted = ratio(np.stack([probability[m] @ columns[m] for m in members]), rows)
    distance = np.where(rows > 0, np.abs(predicted - observed), 0)
    gap = as_result(ratio((distance * rows).sum(axis=0), rows.sum(axis=0)), weights)
    predicted, observed, rows = (
        x[:, 0] if weights is None else x.T for x in (predicted, observed, rows)
    )
    return SurvivalCalibration(predicted, observed, rows, gap)


def _check_horizon(
    time: np.ndarray, event: np.ndarray, members: list[np.ndarray], horizon: float
) -> None:
    """Refuse a horizon that a group does not reach, unless all its rows end with an event."""
    last = [float(time[m].max()) for m in members]
    # A curve that ends in events alone has no survival left: its incidences are final.
    ends = [bool(event[m][time[m] == end].all()) for m, end in zip(members, last, strict=True)]
    open_ = [end for end, is_final in zip(last, ends, strict=True) if not is_final]
    most = min([*open_, float(time.max())])
    if horizon > most:
        raise ValueError(
            f"horizon is {horizon:g}, but must be at most {most:g}, until which all groups are "
            "observed: choose an earlier one, or fewer groups."
        )


def _incidence(
    time: np.ndarray,
    event: np.ndarray,
    horizon: float,
    cause: int,
    causes: int,
    columns: np.ndarray,
) -> np.ndarray:
    """Cumulative incidence of one group [resamples]; NaN where it does not reach the horizon."""
    found = counts(time, event, causes, columns)
    incidence, survival = incidences(found)
    until = found.times <= horizon
    value = incidence[cause - 1, until][-1] if until.any() else np.zeros(columns.shape[1])
    reached = (time >= horizon).astype(np.float64) @ columns > 0
    is_final = at_times(survival, found.times, np.array([horizon]))[0] <= _RESOLUTION
    return np.where(reached | is_final, value, np.nan)
