"""How predictions of one kind of task are checked, compared with the targets, and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from jaxmed.typing import Columns, Outputs

Statistic: TypeAlias = Callable[[Columns, np.ndarray | None], Any]
"""(table, weights [resamples, rows] or None) -> a number, or one per resample [resamples]."""
Figures: TypeAlias = Iterator[tuple[str, Any, str]]
"""Name, matplotlib figure and caption."""
Part: TypeAlias = Literal["positives", "negatives", "rows"]
"""Rows of the positive class of two, rows of the other class, or all rows."""


@dataclasses.dataclass(frozen=True, eq=False)
class Classes:
    """A question whose answer is one of several classes, each with a probability.

    Calibration, conformal sets, operating points and measures of uncertainty read it.

    Attributes:
        names: of the classes; of two, the second is the positive one.
        truth: `columns -> classes` [rows].
        probabilities: `outputs -> probabilities` [rows, classes]. Pure JAX.
        replaced: `(outputs, probabilities) -> outputs`, the same with other probabilities and
            without what no longer fits them. Pure JAX.
        chosen: `outputs -> classes` [rows], the answer: the most probable class, or that of a
            threshold. Pure JAX.
    """

    names: Sequence[str]
    truth: Callable[[Columns], np.ndarray]
    probabilities: Callable[[Outputs], Any]
    replaced: Callable[[Outputs, Any], Outputs]
    chosen: Callable[[Outputs], Any]

    @property
    def positive(self) -> str | None:
        """The name of the positive class of two; None where there are more."""
        return self.names[1] if len(self.names) == 2 else None


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """A question whose answer is one number.

    Attributes:
        truth: `columns -> numbers` [rows].
        value: `outputs -> numbers` [rows]. Pure JAX.
        interval: `outputs -> lower and upper ends` [rows, 2], where such are predicted. Pure JAX.
    """

    truth: Callable[[Columns], np.ndarray]
    value: Callable[[Outputs], Any]
    interval: Callable[[Outputs], Any] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Regions:
    """A question whose answer is a class for each pixel of an image, or voxel of a volume.

    Attributes:
        names: of the classes.
        background: the number of the class that is not compared; None where all are.
        truth: `columns -> classes` [rows, *space], -1 where there is no label.
        chosen: `outputs -> classes` [rows, *space].
        score: `table -> numbers` [rows], how well each case agrees; higher is better.
        said: `table -> columns` by name, numbers [rows] or words, what a report says of a case.
    """

    names: Sequence[str]
    background: int | None
    truth: Callable[[Columns], np.ndarray]
    chosen: Callable[[Outputs], Any]
    score: Callable[[Columns], np.ndarray]
    said: Callable[[Columns], Columns]


@dataclasses.dataclass(frozen=True, eq=False)
class Curves:
    """A question whose answer is a curve of survival: the probability of no event until each time.

    Calibration of survival and lower bounds on time read it.

    Attributes:
        ends: times at which survival is predicted [ends], increasing.
        observed: `columns -> {time, event}`, each [rows]; event 0 is censored.
        survival: `outputs -> probabilities` [rows, ends]. Pure JAX.
        replaced: `(outputs, survival) -> outputs`, the same with other curves. Pure JAX.
    """

    ends: np.ndarray
    observed: Callable[[Columns], dict[str, np.ndarray]]
    survival: Callable[[Outputs], Any]
    replaced: Callable[[Outputs, Any], Outputs]


@dataclasses.dataclass(frozen=True, eq=False)
class Risks:
    """A question whose answer is a relative risk, to which a baseline hazard can be counted.

    Attributes:
        observed: `columns -> {time, event}`, each [rows]; event 0 is censored.
        log_ratio: `outputs -> logarithms of hazard ratios` [rows]. Pure JAX.
        judge: `ends -> judge` of the survival curves that a baseline hazard gives.
    """

    observed: Callable[[Columns], dict[str, np.ndarray]]
    log_ratio: Callable[[Outputs], Any]
    judge: Callable[[np.ndarray], Judge]


def _accepts(columns: Columns, *, training: bool) -> str | None:
    del columns, training
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Judge:
    """All that depends on the kind of task; evaluation, reports and export use it.

    A task without `statistics` is evaluated by its streaming metrics, or else by its loss.

    Attributes:
        check: `(columns, training=...) -> None`, or one sentence that says what is wrong with the
            targets of a split; with `training`, whether they suffice to learn from.
        table: `(columns, outputs) -> columns` with one row per unit that is predicted and compared:
            an example, or a position of a sequence, or a volume. It is made batch by batch, on the
            host, without padding. Rows that belong together, such as those of a patient, have the
            same `group`, which is then the unit that is resampled; without one, evaluation takes
            `id` and `group` from the columns.
        statistics: exact statistics of the table, by name.
        figures: `table -> figures` for the report.
        summary: `table -> rows` (name, count, share), what the table holds.
        answer: `outputs -> columns` [rows], the answer for each example: the predicted class and
            its probability, or a value. A pure JAX function; an exported model carries it.
        strata: `columns -> classes` [rows] to stratify folds by.
        decided: `() -> judge` of the same question where outputs also hold the `threshold` [batch]
            from which on the second of two classes is chosen; None where nothing can be chosen so.
        notes: `table -> sentences` that a reader of the numbers must know.
        subjects: what each statistic is of, by its name, such as the positive class; printed behind
            the name. A statistic of the whole table has none.
        areas: names of statistics that are areas under the ROC curve of two classes; this and the
            next two may name statistics that the judge does not have.
        proportions: names of statistics that are shares of rows of two classes, and of which rows.
        of_one_class: names of statistics that are defined where all rows are of one class.
        classes: how the answer of one class per example is read, or None.
        values: how the answer of one number per example is read, or None.
        regions: how the answer of a class per pixel is read, or None.
        curves: how the answer of a curve of survival is read, or None.
        risks: how the answer of a relative risk is read, or None.
        scores: `outputs -> scores` [rows, targets], what explanations explain: a logit per class or
            a number. Pure JAX; None where they must be told what to explain.
        names: words of columns: of the whole numbers of an answer, or of the columns of a matrix.
    """

    check: Callable[..., str | None] = _accepts
    table: Callable[[Columns, Columns], Columns] = lambda columns, outputs: {}
    statistics: Mapping[str, Statistic] = dataclasses.field(default_factory=dict)
    figures: Callable[[Columns], Figures] = lambda table: iter(())
    summary: Callable[[Columns], Sequence[tuple[str, int, float]]] = lambda table: ()
    answer: Callable[[Outputs], Outputs] = lambda outputs: {}
    strata: Callable[[Columns], np.ndarray] | None = None
    decided: Callable[[], Judge] | None = None
    notes: Callable[[Columns], Sequence[str]] = lambda table: ()
    subjects: Mapping[str, str] = dataclasses.field(default_factory=dict)
    areas: Collection[str] = ()
    proportions: Mapping[str, Part] = dataclasses.field(default_factory=dict)
    of_one_class: Collection[str] = ()
    classes: Classes | None = None
    values: Values | None = None
    regions: Regions | None = None
    curves: Curves | None = None
    risks: Risks | None = None
    scores: Callable[[Outputs], Any] | None = None
    names: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
