"""Metrics with their intervals, and the curves behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxmed.evaluation import Evaluation, precision_notes
from jaxmed.evaluation.tables import metric_rows
from jaxmed.metrics.bootstrap import Interval
from jaxmed.report.contents import Block, Paragraph, Pictures, Section, Table
from jaxmed.report.folder import RunFolder
from jaxmed.report.sections.cases import cases
from jaxmed.report.stored_judge import stored_columns, stored_judge

NEEDS_ASSESSMENT = "report.assess(model, RUN, validation=..., test=...)."
NEEDS_ROWS = "a question whose answer is one class or one number per row."
NEEDS_CLASSES = "a question whose answer is one of several classes."
_SHOWN_ELSEWHERE = "reliability"  # before and after calibration, in the section about that


def metrics(run: RunFolder) -> Section:
    """Statistics of both splits with their intervals."""
    blocks: list[Block] = []
    if run.metrics:
        blocks.append(
            Paragraph(
                "Intervals are 95 % percentile bootstrap intervals: how much a number would differ "
                "with other test patients of the same kind. They do not cover other hospitals, "
                "scanners or training runs."
            )
        )
    measured = {name: _intervals(of["metrics"]) for name, of in run.metrics.items()}
    if measured:
        rows = []
        splits = list(reversed(measured))  # the test split first
        subjects = run.metrics[splits[0]]["subjects"]
        for name in measured[splits[0]]:
            row = [metric_rows({name: measured[split][name]}, subjects)[0] for split in splits]
            rows.append([spaced(row[0][0]), *(with_interval(*words) for _, *words in row)])
        heads = ["Metric", *(f"{split}, with its 95 % interval" for split in splits)]
        blocks.append(Table("Metrics of each split", heads, rows))
    blocks += [Paragraph(note) for note in _too_wide(run, measured)]
    notes = {note for of in run.metrics.values() for note in of["notes"]}
    blocks += [Paragraph(note) for note in sorted(notes)]
    return Section("Metrics", blocks, "" if run.metrics else NEEDS_ASSESSMENT)


def curves(run: RunFolder) -> Section:
    """The figures that this kind of question has, of the test split."""
    if run.cases:
        return cases(run)
    skipped = _SHOWN_ELSEWHERE if run.classes else ""
    shown = [figure for name, figure in run.figures.items() if name != skipped]
    blocks = [Pictures(shown)] if shown else []
    return Section("Curves of the test split", blocks, "" if run.assessed else NEEDS_ASSESSMENT)


def _too_wide(run: RunFolder, measured: Mapping[str, Mapping[str, Interval]]) -> list[str]:
    """How many cases would be needed where an interval is too wide to decide anything."""
    judge = stored_judge(run)
    chosen = {name: of for name, of in measured.get("test", {}).items() if name in judge.statistics}
    if run.test is None or not chosen:
        return []
    return precision_notes(Evaluation(chosen, stored_columns(run.test), judge))


def needs_rows(run: RunFolder) -> str:
    """What would be needed where no answers of rows are stored."""
    return NEEDS_ROWS if run.assessed else NEEDS_ASSESSMENT


def with_interval(number: str, interval: str) -> str:
    """A number and its interval, which no line divides."""
    return f"{number} {interval.replace(' ', chr(160))}".strip()


def spaced(name: str) -> str:
    """A name of code as words."""
    return name.replace("_", " ")


def _intervals(of: Mapping[str, Sequence[Any]]) -> dict[str, Interval]:
    return {
        name: Interval(*(math.nan if x is None else float(x) for x in each))
        for name, each in of.items()
    }
