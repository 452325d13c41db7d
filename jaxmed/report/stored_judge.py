"""How the stored answers of a model are read, so that statistics can be computed of them again.

Subgroups and decision curves are functions of a judge and a table; of a run whose code and data are
gone there are the answers, which stand in columns of the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxmed import metrics
from jaxmed.report.folder import RunFolder
from jaxmed.report.split_rows import SplitRows
from jaxmed.tasks import Classes, Judge, Values
from jaxmed.tasks.class_statistics import AREAS, DEFINED_IN_ONE_CLASS, PROPORTIONS
from jaxmed.tasks.judge import Statistic
from jaxmed.typing import Columns, Outputs

_TRUTH, _ANSWER, _DECISIONS = "truth", "answer", "decisions"
_OF_TWO = {"auroc": _ANSWER, "sensitivity": _DECISIONS, "specificity": _DECISIONS}
_OF_MORE = {"auroc": _ANSWER, "balanced_accuracy": _DECISIONS}
"""Statistics that are compared between subgroups, and the column that each is of.

They are few, as each costs certainty of the others.
"""


def stored_judge(run: RunFolder) -> Judge:
    """How the stored answers are read.

    Args:
        run: that was assessed.
    """
    if not run.classes:
        return Judge(
            values=Values(lambda columns: columns[_TRUTH], lambda outputs: outputs[_ANSWER])
        )
    of_two = len(run.classes) == 2
    columns = _OF_TWO if of_two else _OF_MORE
    subject = run.classes[1] if of_two else f"mean of {len(run.classes)} classes"
    return Judge(
        statistics={name: _of_table(getattr(metrics, name), of) for name, of in columns.items()},
        subjects=dict.fromkeys(columns, subject),
        areas=AREAS if of_two else (),
        proportions=PROPORTIONS if of_two else {},
        of_one_class=DEFINED_IN_ONE_CLASS,
        classes=Classes(
            tuple(run.classes),
            truth=lambda columns: columns[_TRUTH],
            probabilities=lambda outputs: outputs[_ANSWER],
            replaced=_with_probabilities,
            chosen=lambda outputs: outputs[_DECISIONS].argmax(axis=1),
        ),
        names={_ANSWER: tuple(run.classes)},
    )


def _with_probabilities(outputs: Outputs, probabilities: Any) -> Outputs:
    kept = {name: value for name, value in outputs.items() if name != _DECISIONS}
    return {**kept, _ANSWER: probabilities}


def _of_table(statistic: Callable[..., Any], column: str) -> Statistic:
    return lambda table, weights: statistic(table[_TRUTH], table[column], weights)


def stored_columns(rows: SplitRows) -> Columns:
    """The rows of a split as the table that `stored_judge` reads.

    Args:
        rows: of a split.
    """
    columns = {
        "id": np.arange(len(rows), dtype=np.int32),
        _TRUTH: rows.truth,
        _ANSWER: rows.answer.astype(np.float32),
    }
    if rows.chosen is not None:
        columns[_DECISIONS] = rows.decisions
    if rows.groups is not None:
        columns["group"] = np.unique(rows.groups, return_inverse=True)[1].astype(np.int32)
    return columns
