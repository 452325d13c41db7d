"""Statistics by subgroup, such as sex, age or hospital, each compared with the rest."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.evaluation.subgroup_members import Subgroup, subgroup_members
from jaxmed.evaluation.subgroup_table import Subgroups, SubgroupStatistic
from jaxmed.metrics.bootstrap import Interval, check_bootstrap, percentiles, resampled
from jaxmed.metrics.delong import delong_test_unpaired
from jaxmed.metrics.multiplicity import holm
from jaxmed.tasks import Judge
from jaxmed.typing import Columns

_ALARM = 0.05
_NAMES = "NAMES"
_UNDEFINED = f"there is no {_NAMES}, which is undefined in these rows"


def by_subgroup(
    judge: Judge,
    table: Columns,
    subgroup: np.ndarray | Sequence[object] | Mapping[str, np.ndarray | Sequence[object]],
    *,
    statistics: Sequence[str] | None = None,
    least: int = 10,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Subgroups:
    """Each statistic in each subgroup, and whether it differs from that in all other rows.

    Intervals are percentile bootstrap intervals from resamples of all patients (the `group` of the
    table; without one, rows), so that a patient who is in two subgroups is in both or in neither.
    The p value of a difference is DeLong's for the AUROC of two classes if no patient has several
    rows, and else that of the bootstrap: how often a resampled difference is at least as far from
    the difference found as that is from 0. All p values of the call are adjusted for their number
    by Holm's method: name the few `statistics` that matter before looking.

    A difference that is not significant is no proof of equality: look at its interval. Subgroups
    that are too small, or hold one class only, are listed with what could not be computed, in
    `notes`.

    Args:
        judge: of the task, `Evaluation.judge`.
        table: one row per unit, `Evaluation.predictions`.
        subgroup: the subgroup of each row [rows], words or whole numbers, at most 20 different
            ones; or several such arrays by the name of what they tell. None, NaN and empty words
            are missing values, which are in no subgroup.
        statistics: names of some of the judge's statistics; by default all.
        least: rows (patients, where the table has a `group`) that a subgroup needs to be shown,
            and that the rest needs to be compared with.
        resamples: of the bootstrap.
        level: of the intervals, in (0, 1).
        seed: of the bootstrap.

    Returns:
        A record that prints as a table per statistic.

    Raises:
        ValueError: if a subgroup does not have one entry per row, or an argument lies outside its
            range.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16; DeLong,
        DeLong and Clarke-Pearson, 1988; Holm, 1979.
    """
    checks.made_by("judge", judge, Judge, "a Judge, such as Evaluation.judge")
    check_bootstrap(resamples, seed, level)
    least = checks.whole("least", least, least=2)
    checks.named_columns("table", table)
    names = _chosen(judge, statistics)
    found, notes = subgroup_members(judge, table, subgroup, least=least)
    rows: list[SubgroupStatistic] = []
    for each in found:
        shown, more = _compared(
            judge, table, each, names, least=least, resamples=resamples, level=level, seed=seed
        )
        rows += shown
        notes += [*_missing_classes(judge, table, each), *more]
    rows = _adjusted(rows, found)
    notes += _too_few_resamples(rows, resamples)
    return Subgroups(
        subgroups=tuple(found),
        statistics=tuple(rows),
        notes=tuple(notes),
        positive=None if judge.classes is None else judge.classes.positive,
        subjects=judge.subjects,
        level=float(level),
    )


def _chosen(judge: Judge, statistics: Sequence[str] | None) -> tuple[str, ...]:
    if not judge.statistics:
        raise ValueError(
            "judge has no exact statistics, but must have some: a task without them cannot be "
            "measured by subgroup."
        )
    if statistics is None:
        return tuple(judge.statistics)
    names = checks.strings("statistics", statistics)
    if not names:
        raise ValueError("statistics is empty, but must name at least one: pass None for all.")
    for name in names:
        checks.known("statistics", name, judge.statistics)
    return names


def _compared(
    judge: Judge,
    table: Columns,
    subgroup: Subgroup,
    names: Sequence[str],
    *,
    least: int,
    resamples: int,
    level: float,
    seed: int,
) -> tuple[list[SubgroupStatistic], list[str]]:
    """The statistics of one subgroup, and what a reader must know of them."""
    inside = [(rows, _taken(table, rows)) for rows in (subgroup.inside, subgroup.rest)]
    (own, others), notes = zip(*(_defined(judge, part, names) for _, part in inside), strict=True)
    if subgroup.rest_patients < least:  # a difference would show what is too small to be shown
        unit = "patients" if "group" in table else "rows"
        few = f"there are {subgroup.rest_patients} {unit} only, of at least {least} that are needed"
        others, notes = (), (notes[0], few)
    if not own:
        return [], [f"{subgroup}: there is no {', '.join(names)}, because {notes[0]}."]

    def of(_: Columns, weights: np.ndarray | None) -> np.ndarray:
        """Numbers [.., subgroup and rest, statistics]; NaN where a part has no such statistic."""
        found = []
        for (rows, part), defined in zip(inside, (own, others), strict=True):
            drawn = None if weights is None else weights[:, rows]
            nothing = np.full(() if drawn is None else len(drawn), np.nan)
            numbers = [judge.statistics[n](part, drawn) if n in defined else nothing for n in own]
            found.append(np.stack([np.asarray(number, np.float64) for number in numbers], -1))
        return np.stack(found, axis=-2)

    value = of(table, None)
    drawn = resampled(
        {"both": of}, table, group=table.get("group"), resamples=resamples, seed=seed
    )["both"]
    why: dict[str, tuple[str, ...]] = {}
    left = tuple(name for name in names if name not in own)
    if left:
        why[f"there is no {_NAMES}, because {notes[0]}"] = left
    shown = []
    for number, name in enumerate(own):
        here, there = (float(part) for part in value[:, number])
        both = drawn[:, :, number]
        test, p_value, reason = "", math.nan, ""
        if math.isnan(here):
            why[_UNDEFINED] = (*why.get(_UNDEFINED, ()), name)
            continue
        if name not in others:
            reason = f"in the rest {notes[1]}"
        else:
            test, p_value, reason = _tested(judge, inside, subgroup, name, here - there, both)
        if reason:
            reason = f"the difference of {_NAMES} is not tested, because {reason}"
            why[reason] = (*why.get(reason, ()), name)
        interval = Interval(here, *percentiles(both[:, 0], level))
        difference = Interval(here - there, *percentiles(both[:, 0] - both[:, 1], level))
        shown.append(
            SubgroupStatistic(
                subgroup.variable, subgroup.name, name, interval, there, difference,
                p_value, math.nan, test,
            )
        )  # fmt: skip
    return shown, _sentences(subgroup, why)


def _sentences(subgroup: Subgroup, why: Mapping[str, Sequence[str]]) -> list[str]:
    """Each reason once, with the statistics that it is one for in the place of `_NAMES`."""
    return [
        f"{subgroup}: {reason.replace(_NAMES, ', '.join(names))}." for reason, names in why.items()
    ]


def _defined(judge: Judge, part: Columns, names: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The statistics that these rows can have, and why they have no others."""
    if judge.classes is None:
        return tuple(names), ""
    present = np.unique(np.asarray(judge.classes.truth(part))).astype(int)
    if len(present) > 1:
        return tuple(names), ""
    word = judge.classes.names[int(present[0])]
    kept = tuple(name for name in names if name in judge.of_one_class)
    return kept, f"all {len(next(iter(part.values()))):,} rows are {word}"


def _missing_classes(judge: Judge, table: Columns, subgroup: Subgroup) -> list[str]:
    """A sentence where a subgroup has several of more than two classes, but not all."""
    if judge.classes is None:
        return []
    present = np.unique(np.asarray(judge.classes.truth(table))[subgroup.inside]).astype(int)
    missing = [name for i, name in enumerate(judge.classes.names) if i not in present]
    if not missing or len(present) == 1:
        return []
    return [
        f"{subgroup}: no row is {', '.join(missing)}, so that means over classes are those over "
        "the others."
    ]


def _tested(
    judge: Judge,
    parts: Sequence[tuple[np.ndarray, Columns]],
    subgroup: Subgroup,
    name: str,
    difference: float,
    drawn: np.ndarray,
) -> tuple[str, float, str]:
    """The name of the test and the p value of a difference, or why there is none.

    Args:
        judge: of the task.
        parts: rows and table of the subgroup and of the rest.
        subgroup: that is compared.
        name: of the statistic.
        difference: subgroup minus rest.
        drawn: the statistic of both in each resample [resamples, 2].
    """
    differences = drawn[:, 0] - drawn[:, 1]
    if math.isnan(difference):
        return "", math.nan, "it is undefined in the rest"
    if math.isnan(percentiles(differences, 0.5)[0]):
        return "", math.nan, "it is undefined in more than a tenth of the resamples"
    for part, where in zip(drawn.T, ("the subgroup", "the rest"), strict=True):
        if np.nanmin(part) == np.nanmax(part):
            number = f"{np.nanmin(part):.3g}"
            return "", math.nan, f"in {where} it is {number} in all resamples, as if it were exact"
    groups = _two_groups(judge, parts) if name in judge.areas and subgroup.independent else None
    if groups is not None:
        return "DeLong", delong_test_unpaired(*groups[0], *groups[1]).p_value, ""
    defined = differences[~np.isnan(differences)]
    further = np.abs(defined - difference) >= abs(difference) - 1e-12
    return "bootstrap", float((1 + further.sum()) / (1 + len(defined))), ""


def _two_groups(
    judge: Judge, parts: Sequence[tuple[np.ndarray, Columns]]
) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Truth and probabilities of both parts, if they are what DeLong's test takes."""
    classes = judge.classes
    if classes is None or classes.positive is None:
        return None
    groups = [
        (np.asarray(classes.truth(part)), np.asarray(classes.probabilities(part)))
        for _, part in parts
    ]
    least = min(np.bincount(truth.astype(int), minlength=2).min() for truth, _ in groups)
    return groups if least >= 2 else None


def _taken(table: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.asarray(column)[rows] for name, column in table.items()}


def _adjusted(
    rows: Sequence[SubgroupStatistic], subgroups: Sequence[Subgroup]
) -> list[SubgroupStatistic]:
    """The same with Holm's p values.

    Two subgroups that are each the rest of the other make one test, seen from both sides.
    """
    halves = {(each.variable, each.name) for each in subgroups if each.is_half}

    def test_of(row: SubgroupStatistic) -> tuple[str, str, str]:
        is_half = (row.variable, row.subgroup) in halves
        return row.variable, row.statistic, "" if is_half else row.subgroup

    tests = {test_of(row): row.p_value for row in rows}
    adjusted = dict(zip(tests, holm(np.array(list(tests.values()), float)).tolist(), strict=True))
    return [dataclasses.replace(row, adjusted_p=adjusted[test_of(row)]) for row in rows]


def _too_few_resamples(rows: Sequence[SubgroupStatistic], resamples: int) -> list[str]:
    """A sentence where the smallest p value that so many resamples can give is not small enough."""
    smallest = 1 / (resamples + 1)
    limited = [row for row in rows if row.test == "bootstrap" and row.p_value <= 1.001 * smallest]
    if not any(row.adjusted_p > _ALARM for row in limited):
        return []
    return [
        f"No bootstrap p value of {resamples:,} resamples can be below {smallest:.1g}, and this is "
        f"above {_ALARM:g} when adjusted: use more resamples, or name fewer statistics."
    ]
