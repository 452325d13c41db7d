"""Statistics by subgroup as they are printed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed.evaluation.subgroup_members import Subgroup
from jaxmed.evaluation.tables import aligned_table, interval_text, metric_text
from jaxmed.metrics.bootstrap import Interval


@dataclasses.dataclass(frozen=True)
class SubgroupStatistic:
    """One statistic in one subgroup, compared with the rows that have another value.

    Attributes:
        variable: what the subgroups tell, such as "sex".
        subgroup: the value, such as "female".
        statistic: its name in the judge.
        interval: the statistic in the subgroup, with its interval.
        rest: the statistic in the rest; NaN where it has none, or the rest is too small to be
            shown.
        difference: subgroup minus rest, with its interval; NaN where `rest` is.
        p_value: two-sided, of no difference; NaN where it was not tested, as a note says.
        adjusted_p: the same by Holm's method, for all tests of the call.
        test: "DeLong", "bootstrap" or, where there is none, "".
    """

    variable: str
    subgroup: str
    statistic: str
    interval: Interval
    rest: float
    difference: Interval
    p_value: float
    adjusted_p: float
    test: str


@dataclasses.dataclass(frozen=True)
class Subgroups:
    """Statistics by subgroup. It prints as one table per statistic, and notes.

    Attributes:
        subgroups: those that are shown, with their rows.
        statistics: one per subgroup and statistic.
        notes: sentences on what was left out or could not be computed.
        positive: the name of the positive class of two; None where there is none.
        subjects: what statistics are of, by their names, as in `Judge.subjects`.
        level: nominal coverage of the intervals.
    """

    subgroups: Sequence[Subgroup]
    statistics: Sequence[SubgroupStatistic]
    notes: Sequence[str]
    positive: str | None
    subjects: Mapping[str, str]
    level: float

    @property
    def names(self) -> tuple[str, ...]:
        """The statistics that some subgroup has, in the judge's order."""
        return tuple(dict.fromkeys(row.statistic for row in self.statistics))

    def title(self, statistic: str) -> str:
        """The name of a statistic and what it is of: `auroc (pneumonia)`.

        Args:
            statistic: its name.
        """
        subject = self.subjects.get(statistic)
        return f"{statistic} ({subject})" if subject else statistic

    def heads(self) -> tuple[str, ...]:
        """The heads of the columns of `rows`."""
        positives = () if self.positive is None else (self.positive,)
        return (
            "subgroup", "rows", *positives,
            "estimate", "interval", "difference", "interval", "p", "p (Holm)", "test",
        )  # fmt: skip

    def rows(self, statistic: str) -> list[tuple[str, ...]]:
        """One statistic by subgroup, as it is printed.

        Args:
            statistic: its name.
        """
        found = {(each.variable, each.name): each for each in self.subgroups}
        lines = []
        for row in self.statistics:
            if row.statistic != statistic:
                continue
            subgroup = found[row.variable, row.subgroup]
            positives = () if self.positive is None else (f"{subgroup.positives:,}",)
            lines.append(
                (
                    str(subgroup), f"{len(subgroup.inside):,}", *positives,
                    metric_text(row.interval.value), interval_text(row.interval),
                    _text(row.difference.value), interval_text(row.difference),
                    _p(row.p_value), _p(row.adjusted_p), row.test,
                )
            )  # fmt: skip
        return lines

    def __str__(self) -> str:
        heads = self.heads()
        left = {i for i, head in enumerate(heads) if head in ("subgroup", "test")}
        numbers = [i for i in range(len(heads)) if i not in left]
        tables = [
            aligned_table(self.title(name), self.rows(name), heads, numbers=numbers)
            for name in self.names
        ]
        return "\n".join([*tables, *self.notes])


def _text(value: float) -> str:
    """A difference with its sign."""
    if np.isnan(value):
        return ""
    return f"{value:+.3f}" if abs(value) < 1000 else metric_text(value)


def _p(value: float) -> str:
    if np.isnan(value):
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"
