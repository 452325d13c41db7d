"""How often conformal sets held the truth, by class, and how large they were."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxmed import checks
from jaxmed.metrics import Interval
from jaxmed.metrics.proportions import proportion_interval
from jaxmed.typing import Bool, Int


@dataclasses.dataclass(frozen=True)
class ConformalReport:
    """Coverage with exact intervals, and sizes of sets.

    Attributes:
        coverage: share of the rows whose set holds the true class.
        by_class: the same of the rows of each class, by its name; NaN of a class without rows.
        rows: of each class, by its name.
        mean_size: classes in a set.
        sizes: share of the sets with so many classes, by their number from 0.
        level: of the intervals.
    """

    coverage: Interval
    by_class: Mapping[str, Interval]
    rows: Mapping[str, int]
    mean_size: float
    sizes: Mapping[int, float]
    level: float

    def __str__(self) -> str:
        names = ["all", *self.by_class]
        width = max(map(len, names))
        counts = [sum(self.rows.values()), *self.rows.values()]
        lines = [f"{'':{width}}    rows  covered  [{self.level:.0%} interval]"]
        for name, count, found in zip(
            names, counts, [self.coverage, *self.by_class.values()], strict=True
        ):
            interval = f"[{found.low:.3f}, {found.high:.3f}]"
            lines.append(f"{name:{width}}  {count:6,}  {found.value:7.3f}  {interval}")
        sizes = ", ".join(f"{size}: {share:.1%}" for size, share in self.sizes.items() if share)
        return "\n".join([*lines, f"classes in a set: {self.mean_size:.3f} on average ({sizes})"])


def conformal_report(
    label: Int[np.ndarray, " rows"],
    sets: Bool[np.ndarray, "rows classes"],
    classes: Sequence[str] | None = None,
    *,
    level: float = 0.95,
) -> ConformalReport:
    """Coverage of sets with Clopper-Pearson intervals, over all rows and by class, and their sizes.

    The intervals take rows as independent and the calibration as given: that the asked coverage
    lies outside of one does not yet say that rows are not exchangeable, see `coverage_law`.

    Args:
        label: true classes [rows].
        sets: which classes are in the set of each row [rows, classes], as `ConformalSets.sets` and
            the output `set` of a conformal model are.
        classes: their names; by default their numbers.
        level: of the intervals, in (0, 1).

    Raises:
        ValueError: if the arrays disagree, or there are no rows.

    Example:
        >>> sets = np.array([[True, False], [True, True], [False, False]])
        >>> print(conformal_report(np.array([0, 1, 1]), sets, ["healthy", "ill"]))
                   rows  covered  [95% interval]
        all           3    0.667  [0.094, 0.992]
        healthy       1    1.000  [0.025, 1.000]
        ill           2    0.500  [0.013, 0.987]
        classes in a set: 1.000 on average (0: 33.3%, 1: 33.3%, 2: 33.3%)

    References:
        Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the
        binomial, 1934.
    """
    held = checks.real_array("sets", sets, "rows classes")
    if held.dtype != bool or not len(held):
        raise ValueError(
            f"sets is {checks.shown(held)}, but must hold True or False for each class of at least "
            "one row: pass what ConformalSets.sets gives."
        )
    count = held.shape[1]
    truth = checks.real_array("label", label)
    checks.shapes(label=(truth, "rows"), sets=(held, "rows classes"))
    strange = truth[~((truth >= 0) & (truth < count) & (truth == np.floor(truth)))]
    if strange.size:
        raise ValueError(f"label holds {strange[0]}, but must be a class in 0 .. {count - 1}.")
    names = tuple(map(str, range(count))) if classes is None else checks.strings("classes", classes)
    if len(names) != count:
        raise ValueError(
            f"classes has {len(names)} names, but sets has {count} columns: name each class."
        )
    truth = truth.astype(np.int64)
    covered = np.take_along_axis(held, truth[:, None], axis=1)[:, 0]
    of = {name: covered[truth == number] for number, name in enumerate(names)}
    size = held.sum(axis=1)
    return ConformalReport(
        coverage=_share(covered, level),
        by_class={name: _share(rows, level) for name, rows in of.items()},
        rows={name: len(rows) for name, rows in of.items()},
        mean_size=float(size.mean()),
        sizes={number: float((size == number).mean()) for number in range(count + 1)},
        level=float(level),
    )


def _share(covered: np.ndarray, level: float) -> Interval:
    return proportion_interval(int(covered.sum()), len(covered), level=level)
