"""The judges of several targets, of which some are not known: statistics of what is known."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxmed import metrics
from jaxmed.metrics.weighted import as_result, mean_of_defined
from jaxmed.tasks.class_judges import label_scores
from jaxmed.tasks.judge import Judge, Statistic
from jaxmed.typing import Columns

_OF_BINARY = ("auroc", "average_precision", "brier", "log_loss")
_OF_VALUES = ("rmse", "mae", "r2")


def of_binary_targets(names: Sequence[str]) -> Judge:
    """The judge of binary targets, -1 where a label is not known."""

    def of_target(
        statistic: Callable[..., Any], target: int, table: Columns, weights: np.ndarray | None
    ) -> Any:
        known = table["label"][:, target] >= 0
        label = table["label"][known, target].astype(np.int64)
        positive = table["probabilities"][known, target]
        # Undefined where one class is missing, also for scores that could be counted.
        if not known.any() or label.min() == label.max():
            return _undefined(weights)
        both = np.stack([1 - positive, positive], axis=1)
        return statistic(label, both, None if weights is None else weights[:, known])

    def notes(table: Columns) -> Sequence[str]:
        alone = [name for name, column in zip(names, table["label"].T, strict=True) if _one(column)]
        if not alone:
            return ()
        shown = ", ".join(alone)
        return (
            f"Statistics are means over {len(names) - len(alone)} of {len(names)} targets: among "
            f"the known labels of {shown} one class is missing.",
        )

    return Judge(
        check=functools.partial(_check_binary, names),
        table=lambda columns, outputs: {
            "label": columns["label"],
            "probabilities": outputs["probabilities"],
        },
        statistics=_statistics(names, _OF_BINARY, "auroc", of_target),
        summary=lambda table: [
            (
                name,
                int((column == 1).sum()),
                float((column == 1).sum() / max(1, (column >= 0).sum())),
            )
            for name, column in zip(names, table["label"].T, strict=True)
        ],
        answer=lambda outputs: {"probabilities": outputs["probabilities"]},
        notes=notes,
        subjects=_subjects(names, _OF_BINARY),
        scores=label_scores,
        names={"probabilities": names},
    )


def of_measured_targets(names: Sequence[str]) -> Judge:
    """The judge of measured targets, NaN where a label is not known."""

    def of_target(
        statistic: Callable[..., Any], target: int, table: Columns, weights: np.ndarray | None
    ) -> Any:
        known = ~np.isnan(table["label"][:, target])
        if not known.any():
            return _undefined(weights)
        both = table["label"][known, target], table["values"][known, target]
        return statistic(*both, None if weights is None else weights[:, known])

    return Judge(
        check=functools.partial(_check_measured, names),
        table=lambda columns, outputs: {"label": columns["label"], "values": outputs["values"]},
        statistics=_statistics(names, _OF_VALUES, "rmse", of_target),
        summary=lambda table: [
            (name, int((~np.isnan(column)).sum()), float((~np.isnan(column)).mean()))
            for name, column in zip(names, table["label"].T, strict=True)
        ],
        answer=lambda outputs: {"values": outputs["values"]},
        subjects=_subjects(names, _OF_VALUES),
        scores=lambda outputs: outputs["values"],
        names={"values": names},
    )


def _statistics(
    names: Sequence[str], means: Sequence[str], alone: str, of_target: Callable[..., Any]
) -> dict[str, Statistic]:
    """Means over the targets, and one statistic of each target by itself.

    Args:
        names: of the targets.
        means: names of functions of `jaxmed.metrics`.
        alone: the one that also stands for each target, where there are several.
        of_target: `(statistic, target, table, weights) -> number(s)`, NaN where it is undefined.
    """

    def mean(statistic: Callable[..., Any]) -> Statistic:
        def of(table: Columns, weights: np.ndarray | None) -> Any:
            every = [of_target(statistic, target, table, weights) for target in range(len(names))]
            found = mean_of_defined(np.stack(every, axis=-1).reshape(-1, len(names)))
            return as_result(found, weights)

        return of

    found = {name: mean(getattr(metrics, name)) for name in means}
    if len(names) == 1:
        return found
    own = getattr(metrics, alone)
    return found | {
        f"{alone}/{name}": functools.partial(of_target, own, target)
        for target, name in enumerate(names)
    }


def _undefined(weights: np.ndarray | None) -> Any:
    return np.nan if weights is None else np.full(len(weights), np.nan)


def _subjects(names: Sequence[str], means: Sequence[str]) -> dict[str, str]:
    what = names[0] if len(names) == 1 else f"mean of {len(names)} targets"
    return dict.fromkeys(means, what)


def _one(label: np.ndarray) -> bool:
    known = label[label >= 0]
    return not known.size or bool(known.min() == known.max())


def _check_shape(names: Sequence[str], columns: Columns) -> str | None:
    if "label" not in columns:
        return f"has the columns {', '.join(columns)}, but needs a `label`"
    label = columns["label"]
    if label.ndim != 2 or label.shape[1] != len(names):
        return (
            f"has labels of shape {label.shape}, but needs one column for each of the "
            f"{len(names)} targets"
        )
    if label.dtype.kind not in "biuf":
        return f"has labels of dtype {label.dtype}, but needs numbers: convert them"
    return None


def _check_binary(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    problem = _check_shape(names, columns)
    if problem is not None:
        return problem
    label = columns["label"]
    wrong = np.argwhere((label != 0) & (label != 1) & (label != -1))
    if wrong.size:
        row, column = wrong[0]
        return (
            f"has the label {label[row, column]} in row {row}, column {column} ({names[column]}), "
            "but a target is negative (0), positive (1) or not known (-1): correct the labels"
        )
    if not training:
        return None
    for name, column in zip(names, label.T, strict=True):
        if not (column >= 0).any():
            return f"has no known label of {name}: leave that target out"
        if _one(column):
            only = int(column[column >= 0][0])
            return (
                f"has only label {only} of {name}, so there is nothing to tell apart: leave that "
                "target out, or split so that both classes have examples"
            )
    return None


def _check_measured(names: Sequence[str], columns: Columns, *, training: bool) -> str | None:
    problem = _check_shape(names, columns)
    if problem is not None:
        return problem
    label = np.asarray(columns["label"])
    if label.dtype.kind == "f" and np.isinf(label).any():
        row, column = np.argwhere(np.isinf(label))[0]
        return (
            f"has an infinite label in row {row}, column {column} ({names[column]}): write NaN "
            "where it is not known"
        )
    unknown = [name for name, each in zip(names, label.T, strict=True) if np.isnan(each).all()]
    if unknown and training:
        return f"has no known label of {unknown[0]}: leave that target out"
    return None
