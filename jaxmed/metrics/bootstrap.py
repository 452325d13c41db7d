"""Bootstrap intervals of the statistics of predictions, by row or by patient.

An interval says how much a statistic would vary over other test sets of this size from the same
population. It does not cover other training runs, hospitals or scanners. Rows that belong together
(images of one patient, slices of one volume) are not independent: give their patient as `group`, or
the interval is too narrow.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from jaxmed import checks
from jaxmed.metrics.classification import Statistic
from jaxmed.metrics.weighted import Label
from jaxmed.typing import Float

__all__ = ["Interval", "all_with_intervals", "bootstrap_weights", "interval"]

_CHUNK = 1_000_000  # weights held at once; about what the cache holds
_MOST_UNDEFINED = 0.1


class Interval(NamedTuple):
    """A statistic with its confidence interval; `low` and `high` are NaN where there is none."""

    value: float
    low: float
    high: float


def bootstrap_weights(
    rows: int, *, resamples: int = 2000, seed: int, group: np.ndarray | None = None
) -> Float[np.ndarray, "resamples rows"]:
    """How often each row occurs in each resample.

    Draws as many rows as there are, with replacement; with `group`, as many groups as there are,
    each with all of its rows.

    Args:
        rows: how many there are, at least 1.
        resamples: how many resamples, at least 1.
        seed: the same seed gives the same resamples.
        group: the patient or study of each row [rows]; numbers or strings.

    Returns:
        Whole numbers, as float64 because sums want that. [resamples, rows] times 8 bytes: for
        large sets `interval` and `all_with_intervals` make them piece by piece.

    Raises:
        ValueError: if `rows` or `resamples` is below 1 or `group` has not one entry a row.

    Example:
        >>> bootstrap_weights(4, resamples=2, seed=0).sum(axis=1)
        array([4., 4.])

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13;
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8 (groups).
    """
    return np.concatenate(list(_chunks(rows, resamples=resamples, seed=seed, group=group)))


def interval(
    statistic: Statistic,
    label: Label,
    prediction: np.ndarray,
    *,
    group: np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """A statistic with its percentile bootstrap interval.

    A resample may lack a class and leave the statistic undefined. Those are left out; where they
    are more than a tenth (a class with one or two rows) there is no interval, and `low` and `high`
    are NaN, as they are where there is only one row or group to draw from. A mean over classes is,
    in each resample, the mean over the classes that are defined in it.

    Args:
        statistic: a function from `jaxmed.metrics`, or one like it.
        label: what the statistic takes first.
        prediction: what it takes second, probabilities or values.
        group: the patient or study of each row [rows].
        resamples: how many resamples, at least 1.
        seed: the same seed gives the same interval.
        level: the share of intervals that should hold the true value, in (0, 1).

    Returns:
        The statistic of all rows, and the two percentiles of the resamples. The interval is
        approximate, and too narrow with few rows or near a bound such as an AUROC of 1.

    Raises:
        ValueError: if an argument lies outside its range.

    Example:
        >>> from jaxmed.metrics import mae
        >>> value, low, high = interval(mae, np.zeros(100), np.linspace(0, 1, 100))
        >>> low < value < high
        True

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    found = _intervals(
        {"it": statistic},
        label,
        prediction,
        group=group,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    return found["it"]


def all_with_intervals(
    label: Label,
    outputs: Mapping[str, np.ndarray],
    *,
    group: np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Every statistic that suits the task, each with its interval as in `interval`.

    All of them see the same resamples.

    Args:
        label: true classes [rows], labels [rows, labels] or values [rows].
        outputs: `value` [rows] to regress, else `probabilities`.
        group: the patient or study of each row [rows].
        resamples: how many resamples, at least 1.
        seed: the same seed gives the same intervals.
        level: the share of intervals that should hold the true value, in (0, 1).

    Returns:
        By name, the statistics of `suite`.

    Raises:
        ValueError: if an argument lies outside its range or the outputs fit no task.
    """
    return _intervals(
        suite(label, outputs),
        label,
        outputs["value" if "value" in outputs else "probabilities"],
        group=group,
        resamples=resamples,
        seed=seed,
        level=level,
    )


def _intervals(
    statistics: Mapping[str, Statistic],
    label: np.ndarray,
    prediction: np.ndarray,
    *,
    group: np.ndarray | None,
    resamples: int,
    seed: int,
    level: float,
) -> dict[str, Interval]:
    checks.positive("level", level)
    checks.fraction("level", level, below_one=True)
    _check_group(group, len(label))
    values = {name: float(of(label, prediction)) for name, of in statistics.items()}
    if len(label if group is None else np.unique(group)) < 2:
        return {name: Interval(value, np.nan, np.nan) for name, value in values.items()}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in _chunks(len(label), resamples=resamples, seed=seed, group=group):
        for name, statistic in statistics.items():
            parts[name].append(np.asarray(statistic(label, prediction, weights)))
    return {
        name: Interval(value, *_percentiles(np.concatenate(parts[name]), level))
        for name, value in values.items()
    }


def _percentiles(resampled: np.ndarray, level: float) -> tuple[float, float]:
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < (1 - _MOST_UNDEFINED) * len(resampled):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _chunks(
    rows: int, *, resamples: int, seed: int, group: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Weights [some resamples, rows] from one stream of random numbers."""
    checks.at_least("rows", rows, 1)
    checks.at_least("resamples", resamples, 1)
    _check_group(group, rows)
    if group is None:
        units, member = rows, np.arange(rows)
    else:
        names, member = np.unique(group, return_inverse=True)
        units = len(names)
    random = np.random.default_rng(seed)
    size = max(1, _CHUNK // rows)
    for start in range(0, resamples, size):
        counts = [
            np.bincount(random.integers(units, size=units), minlength=units)
            for _ in range(min(size, resamples - start))
        ]
        # [rows, resamples] in memory, which is how the statistics read it.
        yield np.stack(counts, axis=1).astype(np.float64)[member].T


def _check_group(group: np.ndarray | None, rows: int) -> None:
    if group is not None and group.shape != (rows,):
        raise ValueError(
            f"group has shape {group.shape}, but must have shape ({rows},): one patient a row."
        )
