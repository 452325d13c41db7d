"""What is wrong with labels of classes, positions and findings, for the judges that read them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jaxmed.typing import Columns


def wrong_classes(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    """What is wrong with one class per row; None where nothing is."""
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    if columns["label"].ndim != 1:
        return f"has labels of shape {columns['label'].shape}, but needs one class per example"
    return _check_values(names, columns["label"], lowest=0, training=training)


def wrong_positions(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    """What is wrong with one class per position of each row, -1 where it is not known."""
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    if columns["label"].ndim < 2:
        return f"has labels of shape {columns['label'].shape}, but needs one class per position"
    return _check_values(names, columns["label"], lowest=-1, training=training)


def wrong_findings(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    """What is wrong with a column per finding, absent (0) or present (1)."""
    del training
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    label = columns["label"]
    if label.ndim != 2:
        return f"has labels of shape {label.shape}, but needs one column per finding"
    if names and label.shape[1] != len(names):
        return (
            f"has {label.shape[1]} columns of labels, but the task has {len(names)} classes: give "
            "one column per class"
        )
    if label.dtype.kind not in "biuf":
        return not_numbers(label)
    wrong = np.argwhere((label != 0) & (label != 1))
    if wrong.size:
        row, column = wrong[0]
        return (
            f"has the label {label[row, column]} in row {row}, column {column}, but a finding is "
            "absent (0) or present (1): correct the labels, or use multitask_classification where "
            "some are not known (-1)"
        )
    return None


def not_numbers(label: np.ndarray) -> str:
    """What is wrong with labels that are words."""
    return (
        f"has labels of dtype {label.dtype}, but needs numbers from 0: pass words to "
        "data.from_csv or another opener, which numbers them"
    )


def _check_values(
    names: Sequence[str], label: np.ndarray, *, lowest: int, training: bool
) -> str | None:
    classes = len(names)
    if label.dtype.kind not in "biuf":
        return not_numbers(label)
    outside = np.argwhere((label < lowest) | (label >= classes) | (label % 1 != 0))
    if outside.size:
        return (
            f"has the label {label[tuple(outside[0])]} in row {outside[0][0]}, outside the "
            f"classes 0 to {classes - 1}: correct the labels or build the task with more classes"
        )
    missing = sorted(set(range(classes)) - set(np.unique(label).tolist()))
    if missing and training:
        return (
            f"has no example of class {missing[0]} (of {classes}): leave that class out, or split "
            "so that every class has examples to learn from"
        )
    return None
