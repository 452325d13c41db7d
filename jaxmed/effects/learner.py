"""A task and how it is trained, so that many parts of the data can train it as one program."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optax

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation.predict import predict
from jaxmed.tasks import Model, Task
from jaxmed.tasks.task import A_TASK
from jaxmed.training import input_pipeline
from jaxmed.training.cross_validation import Fold, cross_validate
from jaxmed.training.optimizers import check_transformation
from jaxmed.typing import Columns, Key


@dataclasses.dataclass(frozen=True)
class Learner:
    """What is learned from `label`, and how.

    Attributes:
        task: such as `tasks.regression(network, inputs=inputs.features())`.
        optimizer: any Optax transformation.
        epochs: at least 1.
        batch_size: rows per step; by default all rows in one batch, so that arms and folds of
            unequal size are trained as one program.
    """

    task: Task
    optimizer: optax.GradientTransformation
    epochs: int
    batch_size: int | None = None

    def __post_init__(self) -> None:
        checks.made_by("task", self.task, Task, A_TASK)
        check_transformation(self.optimizer)
        object.__setattr__(self, "epochs", checks.whole("epochs", self.epochs))
        if self.batch_size is not None:
            size = checks.whole("batch_size", self.batch_size)
            object.__setattr__(self, "batch_size", size)


def trained_on(
    learner: Learner, columns: Columns, parts: Sequence[np.ndarray], key: Key
) -> list[Model]:
    """One model per part, all as one program where their batches allow it.

    Args:
        learner: of the column `label`.
        columns: all rows.
        parts: row numbers of each.
        key: of all first values.
    """
    size = learner.batch_size or max(len(part) for part in parts)
    folds = [Fold(part, np.empty(0, np.int64), part) for part in parts]
    return cross_validate(
        learner.task,
        learner.optimizer,
        columns,
        folds=folds,
        key=key,
        batch_size=size,
        epochs=learner.epochs,
    ).models


def number_reader(name: str, learner: Learner) -> Callable[[Any], Any]:
    """How the predicted number is read from outputs; refused where a task answers with none."""
    checks.made_by(name, learner, Learner, "a Learner, such as effects.Learner(task, ...)")
    values = learner.task.judge.values
    if values is None:
        raise ValueError(
            f"{name} learns a task that does not answer with one number: use a regression, such as "
            "tasks.regression(network, inputs=...)."
        )
    return values.value


def predicted_numbers(
    read_of: Callable[[Any], Any], model: Model, columns: Columns, rows: np.ndarray
) -> np.ndarray:
    """What a model predicts for some rows [rows], float64."""
    outputs = predict(model, {name: column[rows] for name, column in columns.items()})
    return np.asarray(read_of(outputs), np.float64)


def treated_columns(data: Columns | Source, treatment: str) -> tuple[dict[str, np.ndarray], Any]:
    """The data as columns, and its treatments [rows] of 0 and 1, of which both are there."""
    columns = input_pipeline.in_memory(data, "data")
    if not isinstance(columns, Mapping):
        raise ValueError("data is a source that does not fit into memory: pass fewer examples.")
    checks.text("treatment", treatment)
    for name in (treatment, "label"):
        if name not in columns:
            raise ValueError(f"data has the columns {', '.join(columns)}, but needs `{name}`.")
    given = checks.real_array("data", columns[treatment], "rows")
    if not np.isin(given, (0, 1)).all():
        wrong = given[~np.isin(given, (0, 1))][0]
        raise ValueError(
            f"data has the {treatment} {wrong}, but needs 0 and 1: compare two treatments at a "
            "time."
        )
    if given.all() or not given.any():
        raise ValueError(
            f"data has only rows with {treatment} {given[0]}, but an effect needs rows of both "
            "arms: pass both."
        )
    return dict(columns), given
