"""The judges of classification: of classes, of findings, of ordered grades and of sequences."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import jax.numpy as jnp
import numpy as np

from jaxmed import metrics
from jaxmed.tasks.judge import Figures, Judge, Statistic
from jaxmed.typing import Columns, Outputs

_CONFUSION = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision")
_RANKING = (
    "auroc",
    "average_precision",
    "matthews_correlation",
    "cohen_kappa",
    "brier",
    "log_loss",
)
BINARY = (*_CONFUSION, "f1", "f1_macro", "f1_weighted", *_RANKING)
MULTICLASS = (*_CONFUSION, "f1_macro", "f1_weighted", *_RANKING)
"""Without `f1`, which would be `f1_macro`."""
FINDINGS = (*_CONFUSION, "f1", *_RANKING)
GRADES = (*MULTICLASS, "quadratic_kappa", "grade_mae")


def of_classes(names: Sequence[str]) -> Judge:
    """The judge of one of several classes; of two classes the second is the positive one."""
    return Judge(
        check=functools.partial(_check_classes, names),
        table=_row_per_example,
        statistics=_statistics(BINARY if len(names) == 2 else MULTICLASS),
        figures=functools.partial(_figures, names),
        summary=functools.partial(_summary, names),
        answer=_most_probable,
        strata=lambda columns: columns["label"],
        names={"probabilities": names, "class": names},
    )


def of_grades(names: Sequence[str]) -> Judge:
    """The judge of ordered classes, with statistics of how far predictions are from the grade."""
    return dataclasses.replace(of_classes(names), statistics=_statistics(GRADES))


def of_positions(names: Sequence[str]) -> Judge:
    """The judge of one class for each position of a sequence or image, resampled by example."""
    return dataclasses.replace(
        of_classes(names),
        check=functools.partial(_check_positions, names),
        table=_row_per_position,
        statistics=_statistics(MULTICLASS if len(names) > 2 else BINARY),
        answer=lambda outputs: {},
        strata=None,
    )


def of_findings(names: Sequence[str]) -> Judge:
    """The judge of several findings; statistics are means over the findings."""
    return Judge(
        check=functools.partial(_check_findings, names),
        table=_row_per_example,
        statistics=_statistics(FINDINGS),
        figures=functools.partial(_finding_figures, names),
        summary=functools.partial(_finding_summary, names),
        answer=lambda outputs: {"probabilities": outputs["probabilities"]},
        names={"probabilities": names} if names else {},
    )


def _statistics(names: Iterable[str]) -> dict[str, Statistic]:
    return {name: _of_table(getattr(metrics, name)) for name in names}


def _of_table(statistic: Callable[..., object]) -> Statistic:
    def of(table: Columns, weights: np.ndarray | None) -> object:
        return statistic(table["label"], table["probabilities"], weights)

    return of


def _row_per_example(columns: Columns, outputs: Columns) -> Columns:
    return {"label": columns["label"], "probabilities": outputs["probabilities"]}


def _row_per_position(columns: Columns, outputs: Columns) -> Columns:
    """One row per labeled position, in order; positions without a label are -1.

    The positions of one example are one group, unless the data says which examples belong together.
    """
    label = columns["label"]
    real = label >= 0
    rows = columns.get("row", np.arange(len(label)))
    own = columns["id"] if "id" in columns and columns["id"].ndim == 1 else rows
    example = np.asarray(columns.get("group", own)).reshape(-1, *(1,) * (label.ndim - 1))
    groups = np.broadcast_to(example, label.shape)
    table = {
        "label": label[real],
        "probabilities": outputs["probabilities"][real],
        "group": groups[real],
    }
    if "id" in columns and columns["id"].shape == label.shape:
        return {"id": columns["id"][real], **table}
    return table


def _most_probable(outputs: Outputs) -> Outputs:
    probabilities = outputs["probabilities"]
    return {
        "class": jnp.argmax(probabilities, axis=-1),
        "probability": jnp.max(probabilities, axis=-1),
    }


def _check_classes(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    if columns["label"].ndim != 1:
        return f"has labels of shape {columns['label'].shape}, but needs one class per example"
    return _check_values(names, columns["label"], lowest=0, training=training)


def _check_positions(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    if columns["label"].ndim < 2:
        return f"has labels of shape {columns['label'].shape}, but needs one class per position"
    return _check_values(names, columns["label"], lowest=-1, training=training)


def _check_values(
    names: Sequence[str], label: np.ndarray, *, lowest: int, training: bool
) -> str | None:
    classes = len(names)
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


def _check_findings(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
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
    wrong = np.argwhere((label != 0) & (label != 1))
    if wrong.size:
        row, column = wrong[0]
        return (
            f"has the label {label[row, column]} in row {row}, column {column}, but a finding is "
            "absent (0) or present (1): correct the labels"
        )
    return None


def _summary(names: Sequence[str], table: Columns) -> list[tuple[str, int, float]]:
    is_class = [table["label"] == number for number in range(len(names))]
    return [
        (name, int(rows.sum()), float(rows.mean()))
        for name, rows in zip(names, is_class, strict=True)
    ]


def _finding_summary(names: Sequence[str], table: Columns) -> list[tuple[str, int, float]]:
    present = table["label"].T > 0
    names = names or [f"finding {number}" for number in range(len(present))]
    return [
        (name, int(rows.sum()), float(rows.mean()))
        for name, rows in zip(names, present, strict=True)
    ]


def _figures(names: Sequence[str], table: Columns) -> Figures:
    from jaxmed import plots

    yield from _finding_figures(names, table)
    caption = "Confusion matrix: the predicted class is the one of the largest probability."
    given = table["label"], table["probabilities"], names
    yield "confusion_matrix", plots.confusion_matrix(*given), caption


def _finding_figures(names: Sequence[str], table: Columns) -> Figures:
    from jaxmed import plots

    label = table["label"]
    given = label, table["probabilities"], names or None
    if np.any(label.min(0) < label.max(0)):
        caption = "ROC: sensitivity against 1 \N{MINUS SIGN} specificity over all thresholds."
        yield "roc", plots.roc_curves(*given), caption
        caption = "Precision against recall over all thresholds; chance is the class's share."
        yield "precision_recall", plots.precision_recall_curves(*given), caption
    caption = (
        "Reliability: how often what was predicted with a probability came true, with 95 % "
        "Wilson intervals, and how many cases stand behind each point."
    )
    yield "reliability", plots.reliability_diagram(*given), caption
