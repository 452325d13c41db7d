"""Evaluation of a model on a whole split: one row per unit, every statistic with an interval."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation import operating_points
from jaxmed.evaluation.decisions import OperatingPoint, two_classes_of
from jaxmed.evaluation.predict import check_running
from jaxmed.evaluation.prediction_table import prediction_table, streamed_metrics
from jaxmed.evaluation.subgroup_table import Subgroups
from jaxmed.evaluation.subgroups import by_subgroup
from jaxmed.evaluation.tables import metric_rows, metrics_table, write_predictions
from jaxmed.metrics.bootstrap import Interval, check_bootstrap, intervals
from jaxmed.runtime.placement import Placement
from jaxmed.tasks import Judge, Model
from jaxmed.typing import Columns


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model predicted for each unit, and how good that was. It prints as a table.

    Attributes:
        metrics: exact statistics by name, each with its bootstrap interval.
        predictions: one row per unit: `id`, the truth, the prediction and, where the data has one,
            `group`.
        judge: of the task, which draws the figures of the report.
        split: name of what was predicted, such as "test"; empty where it was not said.
        trained_on: rows that the model was trained on; None where it was not said.
        level: nominal coverage of the intervals.
    """

    metrics: Mapping[str, Interval]
    predictions: Columns = dataclasses.field(repr=False)
    judge: Judge = dataclasses.field(repr=False)
    split: str = ""
    trained_on: int | None = None
    level: float = 0.95

    @property
    def groups(self) -> int | None:
        """How many patients, or other groups, the predictions are of; None without a `group`."""
        return len(np.unique(self.predictions["group"])) if "group" in self.predictions else None

    def __str__(self) -> str:
        notes = "".join(f"\n  {note}" for note in self.judge.notes(self.predictions))
        return metrics_table(self.metrics, self._title() + notes, self.judge.subjects)

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        cells = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in metric_rows(self.metrics, self.judge.subjects)
        )
        heads = "<tr><th>metric</th><th>value</th><th>interval</th></tr>"
        title = html.escape(". ".join([self._title(), *self.judge.notes(self.predictions)]))
        return f"<table><caption>{title}</caption>{heads}{cells}</table>"

    def _title(self) -> str:
        split = f"{self.split}: " if self.split else ""
        groups = "" if self.groups is None else f" in {self.groups:,} groups"
        trained = "" if self.trained_on is None else f", trained on {self.trained_on:,} rows"
        return f"{split}{len(self.predictions['id']):,} predictions{groups}{trained}"

    def operating_point(
        self,
        threshold: float | None = None,
        *,
        sensitivity: float | None = None,
        specificity: float | None = None,
        **options: Any,
    ) -> OperatingPoint:
        """How the predictions decide at a threshold, or at the one that reaches what is required.

        Choose the threshold on validation data and report it on test data:

            point = validation.operating_point(sensitivity=0.95)
            print(test.operating_point(point.threshold, prevalence=0.05))

        Args:
            threshold: in [0, 1]; or else one of the two that follow.
            sensitivity: that is required, as for `evaluation.threshold_for_sensitivity`.
            specificity: that is required, as for `evaluation.threshold_for_specificity`.
            options: of these functions, such as `prevalence` and `established`.

        Returns:
            What the model does there, of the positive class by its name.

        Raises:
            ValueError: if not exactly one of the three is given, or as these functions.
        """
        given = {"threshold": threshold, "sensitivity": sensitivity, "specificity": specificity}
        chosen = [(name, value) for name, value in given.items() if value is not None]
        if len(chosen) != 1:
            raise ValueError(
                f"threshold, sensitivity and specificity are {[*given.values()]}, but must be one "
                "of the three: leave out the others."
            )
        ((name, value),) = chosen
        classes, positive = two_classes_of(self.judge)
        functions: dict[str, Callable[..., OperatingPoint]] = {
            "threshold": operating_points.operating_point,
            "sensitivity": operating_points.threshold_for_sensitivity,
            "specificity": operating_points.threshold_for_specificity,
        }
        table = self.predictions
        truth, of_classes = classes.truth(table), np.asarray(classes.probabilities(table))
        return functions[name](truth, of_classes, value, positive=positive, **options)

    def by(self, subgroup: Any, **options: Any) -> Subgroups:
        """Every statistic by subgroup, each compared with the rest: `evaluation.by_subgroup`.

        Args:
            subgroup: the subgroup of each row of the predictions [rows], such as sex or hospital;
                or several such arrays by name.
            options: as for `evaluation.by_subgroup`, such as `statistics=("auroc",)`; the level of
                intervals is that of this evaluation unless another is given.

        Returns:
            A record that prints as a table per statistic.
        """
        options = {"level": self.level, **options}
        return by_subgroup(self.judge, self.predictions, subgroup, **options)

    def report(self, directory: str | Path, **options: Any) -> Path:
        """Write `report.html`, `plots/` and `predictions.csv` into a folder.

        Args:
            directory: made where it is missing.
            options: as for `evaluation.report.write_report`.

        Returns:
            Where the page is.
        """
        from jaxmed.evaluation.report import write_report

        directory = checks.path("directory", directory)
        write_predictions(directory / "predictions.csv", self.predictions, self.judge.names)
        return write_report(directory, evaluation=self, **options)


def evaluate(
    model: Model,
    data: Columns | Source,
    *,
    batch_size: int = 512,
    resamples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    placement: Placement | None = None,
    workers: int = 0,
    split: str = "",
    trained_on: int | None = None,
) -> Evaluation:
    """Predict a split with known answers and measure the predictions as the task judges them.

    Intervals are percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) over
    the units, or over the groups where the data has a `group`, so that a patient's examples stay
    together. They cover the choice of test patients, not that of another training run. A task
    without exact statistics is measured by its streaming metrics, without intervals, or else by
    its loss.

    Args:
        model: trained.
        data: columns or a source with the targets of the task.
        batch_size: rows at a time; changes memory, never a number but a loss that compares rows.
        resamples: of the bootstrap.
        level: of the intervals, in (0, 1).
        seed: of the bootstrap.
        placement: where it runs; by default one device.
        workers: that read a source ahead.
        split: what to call the data in tables and reports, such as "test".
        trained_on: rows that the model was trained on, `Fit.rows`, for tables and reports.
    """
    check_running(model, batch_size, placement, workers)
    check_bootstrap(resamples, seed, level)
    judge = model.task.judge
    if not judge.statistics and model.task.metrics:
        found, table = streamed_metrics(model, data, batch_size, placement, workers)
        metrics = {name: Interval(value, np.nan, np.nan) for name, value in found.items()}
        return Evaluation(metrics, table, judge, split, trained_on, float(level))
    judge, table = prediction_table(
        model, data, batch_size=batch_size, placement=placement, workers=workers
    )
    evaluation = judged(judge, table, resamples=resamples, level=level, seed=seed)
    return dataclasses.replace(evaluation, split=split, trained_on=trained_on)


def judged(
    judge: Judge, table: Columns, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Evaluation:
    """The evaluation of a table of predictions, such as those of all folds together.

    Args:
        judge: of the task, with statistics.
        table: one row per unit, as in `Evaluation.predictions`.
        resamples: of the bootstrap.
        level: of the intervals, in (0, 1).
        seed: of the bootstrap.
    """
    group = table.get("group")
    found = intervals(
        judge.statistics, table, group=group, resamples=resamples, level=level, seed=seed
    )
    return Evaluation(found, table, judge, level=float(level))


def compute_metrics(
    model: Model,
    data: Columns | Source,
    *,
    batch_size: int = 512,
    loss_batch_size: int | None = None,
    placement: Placement | None = None,
    workers: int = 0,
) -> dict[str, float]:
    """The numbers of `evaluate` without intervals: for validation during training.

    Args:
        model: what to measure.
        data: columns or a source with the targets of the task.
        batch_size: rows at a time.
        loss_batch_size: rows at a time where the loss is what measures; by default `batch_size`.
        placement: where it runs; by default one device.
        workers: that read a source ahead.
    """
    check_running(model, batch_size, placement, workers)
    if loss_batch_size is not None:
        checks.whole("loss_batch_size", loss_batch_size, most=batches.MOST_ROWS)
    if not model.task.judge.statistics and model.task.metrics:
        return streamed_metrics(model, data, batch_size, placement, workers)[0]
    judge, table = prediction_table(
        model,
        data,
        batch_size=batch_size,
        loss_batch_size=loss_batch_size,
        placement=placement,
        workers=workers,
    )
    return {name: float(of(table, None)) for name, of in judge.statistics.items()}
