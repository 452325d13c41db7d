"""The judges of models with conformal sets or intervals: answers, coverage and size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from jaxmed.tasks import Judge
from jaxmed.tasks.row_means import row_means
from jaxmed.typing import Columns, Outputs

SET, INTERVAL = "set", "interval"
"""Names of the outputs: [rows, classes] of bool, and [rows, 2]."""
Counted: TypeAlias = Callable[[Columns, Columns], Columns]
_OF_SETS, _OF_INTERVALS = ("coverage", "set_size"), ("coverage", "interval_width")


def with_sets(judge: Judge, note: str) -> Judge:
    """The judge of the same question where outputs also hold a `set` [rows, classes].

    Args:
        judge: with `classes`.
        note: what a reader of the numbers must know.
    """
    classes = judge.classes
    assert classes is not None

    def counted(columns: Columns, outputs: Columns) -> Columns:
        sets, truth = outputs[SET], np.asarray(classes.truth(columns)).astype(np.int64)
        covered = np.take_along_axis(sets, truth[:, None], axis=1)[:, 0]
        return {"coverage": covered.astype(np.int32), "set_size": sets.sum(1).astype(np.int32)}

    judged = _with_columns(judge, _OF_SETS, counted, note)
    decided = judge.decided
    return dataclasses.replace(
        judged,
        answer=lambda outputs: {**judge.answer(outputs), SET: outputs[SET]},
        names={**judge.names, SET: classes.names},
        decided=None if decided is None else lambda: with_sets(decided(), note),
    )


def with_intervals(judge: Judge, note: str) -> Judge:
    """The judge of the same question where outputs also hold an `interval` [rows, 2].

    Args:
        judge: with `values`.
        note: what a reader of the numbers must know.
    """
    values = judge.values
    assert values is not None

    def counted(columns: Columns, outputs: Columns) -> Columns:
        (low, high), truth = outputs[INTERVAL].T, np.asarray(values.truth(columns))
        covered = (low <= truth) & (truth <= high)
        return {"coverage": covered.astype(np.int32), "interval_width": high - low}

    def answer(outputs: Outputs) -> Outputs:
        low, high = outputs[INTERVAL].T
        return {**judge.answer(outputs), "low": low, "high": high}

    return dataclasses.replace(
        _with_columns(judge, _OF_INTERVALS, counted, note),
        answer=answer,
        values=dataclasses.replace(values, interval=lambda outputs: outputs[INTERVAL]),
    )


def _with_columns(judge: Judge, names: Sequence[str], counted: Counted, note: str) -> Judge:
    """The judge with further columns of its table, their means as statistics, and a note."""

    def table(columns: Columns, outputs: Columns) -> Columns:
        return {**judge.table(columns, outputs), **counted(columns, outputs)}

    return dataclasses.replace(
        judge,
        table=table,
        statistics={**judge.statistics, **row_means(*names).statistics},
        notes=lambda table: (*judge.notes(table), note),
    )
