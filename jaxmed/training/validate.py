"""What is checked before the first step, so that bad data costs a sentence and not a run."""

from __future__ import annotations

import jax
import numpy as np

from jaxmed.tasks import Task
from jaxmed.training.step import TrainState
from jaxmed.typing import Batch, Columns


def check_columns(name: str, columns: Columns) -> None:
    """Refuse an empty split, columns of unequal length and numbers that are not finite.

    Args:
        name: what the caller calls the split, such as "train".
        columns: arrays by key with one leading axis.
    """
    if "label" not in columns:
        raise ValueError(f"{name} has the columns {', '.join(columns)}, but needs a `label`.")
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name} has columns of unequal length, {lengths}: one row an example.")
    if lengths["label"] == 0:
        raise ValueError(f"{name} is empty: give it at least one example.")
    for key, column in columns.items():
        if not np.issubdtype(column.dtype, np.floating):
            continue
        bad = np.flatnonzero(~np.isfinite(column.reshape(len(column), -1)).all(1))
        if bad.size:
            raise ValueError(
                f"{name} holds NaN or infinity in `{key}`, {bad.size} rows, the first is row "
                f"{bad[0]}: impute or leave out missing values first."
            )


def check_labels(
    name: str, task: Task, state: TrainState, columns: Columns, *, all_present: bool
) -> None:
    """Refuse labels outside the task's classes and, in training, a class without an example.

    Args:
        name: what the caller calls the split.
        task: its outputs tell the number of classes.
        state: parameters of the right shapes.
        columns: the split.
        all_present: whether every class must have an example.
    """
    label = columns["label"]
    probe: Batch = {key: column[:1] for key, column in columns.items()}
    outputs = jax.eval_shape(task.predict, state.params, state.model_state, probe)
    if "probabilities" not in outputs:
        return
    if outputs["probabilities"].ndim == 3:  # a label a position, -1 where there is none
        _check_classes(name, label, outputs["probabilities"].shape[-1], -1, all_present)
        return
    if label.ndim == 2:
        odd = np.argwhere((label != 0) & (label != 1))
        if odd.size:
            row, column = odd[0]
            raise ValueError(
                f"{name} has the label {label[row, column]} in row {row}, column {column}, but a "
                "finding is absent (0) or present (1): mend the labels."
            )
        return
    _check_classes(name, label, outputs["probabilities"].shape[-1], 0, all_present)


def _check_classes(
    name: str, label: np.ndarray, classes: int, lowest: int, all_present: bool
) -> None:
    outside = np.argwhere((label < lowest) | (label >= classes) | (label % 1 != 0))
    if outside.size:
        raise ValueError(
            f"{name} has the label {label[tuple(outside[0])]} in row {outside[0][0]}, outside the "
            f"classes 0 to {classes - 1}: mend the labels or build the task with more classes."
        )
    missing = sorted(set(range(classes)) - set(np.unique(label).tolist()))
    if missing and all_present:
        raise ValueError(
            f"{name} has no example of class {missing[0]} (of {classes}): leave that class out, "
            "or split so that every class has examples to learn from."
        )
