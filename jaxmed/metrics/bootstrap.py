"""Percentile bootstrap intervals of statistics, resampled by row or by group.

An interval shows how much a statistic would vary over other test sets of this size from the same
population. It does not cover other training runs, hospitals or scanners. Rows of one group (images
of a patient, slices of a volume) are not independent: pass the patient as `group`, or the interval
is too narrow.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from jaxmed import checks
from jaxmed.metrics.weighted import Label, Result, Statistic, Weights
from jaxmed.typing import Columns, Float

__all__ = ["Interval", "TableStatistic", "bootstrap_weights", "interval", "intervals"]

TableStatistic: TypeAlias = Callable[[Columns, Weights], Result]
"""(table, weights or None) -> one number, or [resamples]; NaN where it is undefined."""

_CHUNK = 1_000_000  # weights held at once; about the size of the cache
_AT_ONCE = 16  # resamples at least, so that each row is sorted and checked once for so many
_MAX_UNDEFINED = 0.1
_MOST_RESAMPLES = 1_000_000
_MOST_WEIGHTS = 2**33  # 64 GiB


class Interval(NamedTuple):
    """A statistic and its confidence interval; `low` and `high` are NaN if there is none."""

    value: float
    low: float
    high: float


def intervals(
    statistics: Mapping[str, TableStatistic],
    table: Columns,
    *,
    group: np.ndarray | None = None,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Each statistic of a table with its percentile bootstrap interval, from the same resamples.

    Resamples in which a statistic is undefined (NaN, for example because a class is missing) are
    left out. If they are more than a tenth, `low` and `high` are NaN, as they are if there is only
    one row or group. The interval is approximate: too narrow with few rows or near a bound, such
    as an AUROC of 1.

    Args:
        statistics: `(table, weights)` -> one number if `weights` is None, else [resamples]
            numbers for weights [resamples, rows].
        table: columns [rows, ...], one row per predicted unit; passed to each statistic unchanged.
        group: the patient or study of each row [rows]; groups are resampled as a whole.
        resamples: number of resamples, at least 1.
        seed: the same seed gives the same intervals.
        level: nominal coverage, in (0, 1).

    Returns:
        By name, the statistic of all rows and the two percentiles of the resamples.

    Raises:
        ValueError: if columns or `group` differ in length, the table is empty, or an argument lies
            outside its range.

    Example:
        >>> from jaxmed import metrics
        >>> table = {"label": np.zeros(100), "value": np.linspace(0, 1, 100)}
        >>> mae = lambda table, weights: metrics.mae(table["label"], table["value"], weights)
        >>> value, low, high = intervals({"mae": mae}, table)["mae"]
        >>> low < value < high
        True

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
    """
    check_bootstrap(resamples, seed, level)
    if not isinstance(statistics, Mapping):
        raise ValueError(
            f"statistics is {checks.shown(statistics)}, but must map names to functions "
            "(table, weights): pass a dict."
        )
    for name, statistic in statistics.items():
        checks.function(f"statistics[{name!r}]", statistic, "(table, weights)")
    checks.named_columns("table", table)
    rows = _rows(table)
    group = _checked_group(group, rows)
    values = {name: float(of(table, None)) for name, of in statistics.items()}
    if (rows if group is None else len(np.unique(group))) < 2:
        return {name: Interval(value, np.nan, np.nan) for name, value in values.items()}
    found = resampled(statistics, table, group=group, resamples=resamples, seed=seed)
    return {
        name: Interval(value, *percentiles(found[name], level)) for name, value in values.items()
    }


def resampled(
    statistics: Mapping[str, TableStatistic],
    table: Columns,
    *,
    group: np.ndarray | None,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Each statistic in every resample [resamples], all from the same resamples.

    Args:
        statistics: as for `intervals`, which checks the arguments.
        table: columns [rows, ...].
        group: the patient or study of each row [rows], or None.
        resamples: number of resamples.
        seed: the same seed gives the same resamples.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for weights in _chunks(_rows(table), resamples=resamples, seed=seed, group=group):
        for name, statistic in statistics.items():
            parts[name].append(np.asarray(statistic(table, weights)))
    return {name: np.concatenate(part) for name, part in parts.items()}


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
    """One statistic of labels and predictions with its interval, as in `intervals`.

    Args:
        statistic: a function of `jaxmed.metrics`, or one with the same signature.
        label: first argument of the statistic, [rows, ...].
        prediction: its second argument, probabilities or values [rows, ...].
        group: the patient or study of each row [rows].
        resamples: number of resamples, at least 1.
        seed: the same seed gives the same interval.
        level: nominal coverage, in (0, 1).

    Returns:
        The statistic of all rows and the two percentiles of the resamples.

    Raises:
        ValueError: as `intervals` and the statistic.

    Example:
        >>> from jaxmed.metrics import mae
        >>> value, low, high = interval(mae, np.zeros(100), np.linspace(0, 1, 100))
        >>> low < value < high
        True
    """
    checks.function("statistic", statistic, "(label, prediction, weights)")
    label, prediction = (
        checks.real_array("label", label),
        checks.real_array("prediction", prediction),
    )
    for name, column in (("label", label), ("prediction", prediction)):
        if column.ndim == 0 or len(column) != len(np.atleast_1d(label)) or not len(column):
            raise ValueError(
                f"{name} has shape {column.shape}, but label and prediction must have as many "
                "rows, at least one: give one of each per row."
            )

    def of_table(table: Columns, weights: Weights) -> Result:
        return statistic(table["label"], table["prediction"], weights)

    return intervals(
        {"statistic": of_table},
        {"label": label, "prediction": prediction},
        group=group,
        resamples=resamples,
        seed=seed,
        level=level,
    )["statistic"]


def bootstrap_weights(
    rows: int, *, resamples: int = 2000, seed: int, group: np.ndarray | None = None
) -> Float[np.ndarray, "resamples rows"]:
    """How often each row occurs in each resample.

    Draws `rows` rows with replacement. With `group`, draws as many groups as there are, each with
    all of its rows.

    Args:
        rows: number of rows, at least 1.
        resamples: number of resamples, at least 1.
        seed: the same seed gives the same resamples.
        group: the patient or study of each row [rows]; numbers or strings.

    Returns:
        Whole numbers in float64, the type in which they are summed: `resamples * rows * 8` bytes.
        `intervals` computes them in chunks.

    Raises:
        ValueError: if `rows` or `resamples` is below 1 or `group` does not have one entry per row.

    Example:
        >>> bootstrap_weights(4, resamples=2, seed=0).sum(axis=1)
        array([4., 4.])

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13;
        Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 3.8 (groups).
    """
    given = checks.whole("rows", rows), checks.whole("resamples", resamples, most=_MOST_RESAMPLES)
    if given[0] * given[1] > _MOST_WEIGHTS:
        raise ValueError(
            f"rows is {rows} and resamples is {resamples}, whose weights would take "
            f"{given[0] * given[1] / 2**27:.0f} GiB: use `intervals`, which makes them in parts."
        )
    return np.concatenate(list(_chunks(rows, resamples=resamples, seed=seed, group=group)))


def _rows(table: Columns) -> int:
    rows = len(next(iter(table.values())))
    if rows == 0:
        raise ValueError("table has no rows, but a statistic needs at least one.")
    return rows


def _checked_group(group: np.ndarray | None, rows: int) -> np.ndarray | None:
    if group is None:
        return None
    try:
        found = np.asarray(group)
    except (ValueError, TypeError):  # lists of unequal lengths, keys of JAX
        found = np.array(None)
    if found.shape != (rows,):
        raise ValueError(
            f"group has shape {found.shape}, but must have shape ({rows},): give one patient or "
            "study per row."
        )
    if found.dtype.kind not in "biufUS":
        raise ValueError(
            f"group holds {found.dtype}, but must hold numbers or strings: convert it."
        )
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise ValueError("group is NaN in some rows, but must name a patient or study in each.")
    return found


def check_bootstrap(resamples: int, seed: int, level: float) -> None:
    """Refuse options that no interval can be made with."""
    checks.whole("resamples", resamples, most=_MOST_RESAMPLES)
    checks.whole("seed", seed, least=0)
    checks.fraction("level", level, above_zero=True, below_one=True)


def _chunks(
    rows: int, *, resamples: int, seed: int, group: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Weights [some resamples, rows] from one stream of random numbers."""
    rows, seed = checks.whole("rows", rows), checks.whole("seed", seed, least=0)
    resamples = checks.whole("resamples", resamples, most=_MOST_RESAMPLES)
    group = _checked_group(group, rows)
    if group is None:
        units, member = rows, None
    else:
        names, member = np.unique(group, return_inverse=True)
        units = len(names)
    random = np.random.default_rng(seed)
    size = max(_AT_ONCE, _CHUNK // rows)
    for start in range(0, resamples, size):
        # Stored as [rows, resamples], the order in which the statistics read it.
        counts = np.empty((units, min(size, resamples - start)))
        for column in range(counts.shape[1]):
            drawn = random.integers(units, size=units)
            counts[:, column] = np.bincount(drawn, minlength=units)
        yield (counts if member is None else counts[member]).T


def percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    """Both ends of the interval of values [resamples]; NaN if too many of them are undefined."""
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _MAX_UNDEFINED) * len(values):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
