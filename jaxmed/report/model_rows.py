"""What a model answers for each row of a split, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.predict import predictions
from jaxmed.evaluation.subgroup_members import MOST_SUBGROUPS
from jaxmed.report.split_rows import SplitRows
from jaxmed.tasks import Classes, Model
from jaxmed.typing import Columns, Outputs


def rows_of(
    model: Model,
    data: Columns | Source,
    name: str,
    subgroups: Sequence[str],
    uncertainty: Sequence[str],
    batch_size: int,
) -> SplitRows | None:
    """The rows of a split; None for a question whose answer is neither a class nor a number.

    Args:
        model: trained.
        data: columns or a source of the split.
        name: of the split.
        subgroups: columns of the data.
        uncertainty: outputs of the model.
        batch_size: rows at a time.
    """
    judge = model.task.judge
    asked = judge.classes or judge.values
    if asked is None:
        if subgroups or uncertainty:
            raise ValueError(
                f"{'subgroups' if subgroups else 'uncertainty'} is given, but the answers of this "
                "model are neither classes nor numbers per row: leave it out."
            )
        return None
    answer = asked.probabilities if isinstance(asked, Classes) else asked.value
    parts: list[dict[str, np.ndarray]] = []
    for columns, outputs in predictions(model, data, batch_size):
        part = {
            "id": columns.get("id", columns["row"]),
            "truth": np.asarray(asked.truth(columns)),
            "answer": np.asarray(answer(outputs)),
        }
        if judge.classes:
            part["chosen"] = np.asarray(judge.classes.chosen(outputs))
        if "group" in columns:
            part["group"] = columns["group"]
        for each in subgroups:
            part[f"subgroup {each}"] = _attribute(each, columns)
        for each in uncertainty:
            part[f"uncertainty {each}"] = _measure(each, outputs)
        parts.append(part)
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    for each in subgroups:
        values = len(np.unique(whole[f"subgroup {each}"]))
        if values > MOST_SUBGROUPS:
            raise ValueError(
                f"subgroups names {each!r}, which has {values} values in {name}, but at most "
                f"{MOST_SUBGROUPS} are told apart: put them into bins."
            )
    truth = whole["truth"].astype(int) if judge.classes else whole["truth"]
    return SplitRows(
        name,
        whole["id"],
        truth,
        whole["answer"],
        whole.get("chosen"),
        whole.get("group"),
        {each: whole[f"subgroup {each}"] for each in subgroups},
        {each: whole[f"uncertainty {each}"] for each in uncertainty},
    )


def _attribute(name: str, columns: Columns) -> np.ndarray:
    column = np.asarray(columns[name]) if name in columns else None
    if column is None or column.ndim != 1 or column.dtype.kind not in "biuUS":
        is_ = "is not there" if column is None else f"holds {checks.shown(column)}"
        raise ValueError(
            f"subgroups names {name!r}, but the column {is_}: it must hold a word or a whole "
            f"number per row, and the columns are {', '.join(sorted(columns))}."
        )
    return column.astype(str)


def _measure(name: str, outputs: Outputs) -> np.ndarray:
    column = np.asarray(outputs[name]) if name in outputs else None
    if column is None or column.ndim != 1 or column.dtype.kind not in "fiu":
        is_ = "is not there" if column is None else f"is {checks.shown(column)}"
        raise ValueError(
            f"uncertainty names {name!r}, but the output {is_}: it must be one number per row, and "
            f"the outputs are {', '.join(sorted(outputs))}."
        )
    return column
