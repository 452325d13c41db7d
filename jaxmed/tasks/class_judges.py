"""The judges of classification: of classes, of findings, of ordered grades and of sequences."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import jax.numpy as jnp
import numpy as np

from jaxmed import checks, metrics
from jaxmed.tasks import class_checks
from jaxmed.tasks.class_statistics import AREAS, DEFINED_IN_ONE_CLASS, PROPORTIONS
from jaxmed.tasks.judge import Classes, Figures, Judge, Statistic
from jaxmed.typing import Array, Columns, Outputs

_CONFUSION = ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "precision")
_AGREEMENT = ("matthews_correlation", "cohen_kappa")
_RANKING = ("auroc", "average_precision", *_AGREEMENT, "brier", "log_loss")
BINARY = (*_CONFUSION, "f1", "f1_macro", "f1_weighted", *_RANKING)
MULTICLASS = (*_CONFUSION, "f1_macro", "f1_weighted", *_RANKING)
"""Without `f1`, which would be `f1_macro`."""
FINDINGS = (*_CONFUSION, "f1", *_RANKING)
_OF_GRADES = ("quadratic_kappa", "grade_mae")
_OF_PROBABILITIES = ("auroc", "average_precision", "brier", "log_loss")
"""Statistics of the probabilities themselves; all others are of the decisions made with them."""
_OF_ONE_CLASS = ("sensitivity", "specificity", "precision", "f1", "auroc", "average_precision")
"""Of the positive class of two; of more classes, the mean over them."""
FROM_PROBABILITIES = ("logits", "entropy", "mutual_information")
"""Outputs that no longer fit where the probabilities are changed."""

_SMALLEST = float(np.finfo(np.float32).tiny)


def of_classes(names: Sequence[str]) -> Judge:
    """The judge of one of several classes; of two classes the second is the positive one."""
    checks.strings("classes", names)
    return _of_classes(names, BINARY if len(names) == 2 else MULTICLASS)


def of_grades(names: Sequence[str]) -> Judge:
    """The judge of ordered classes, with statistics of how far predictions are from the grade."""
    return _of_classes(names, (*MULTICLASS, *_OF_GRADES))


def of_positions(names: Sequence[str]) -> Judge:
    """The judge of one class for each position of a sequence or image, resampled by example."""
    return dataclasses.replace(
        of_classes(names),
        check=functools.partial(class_checks.wrong_positions, names),
        table=_row_per_position,
        answer=lambda outputs: {},
        strata=None,
        decided=None,
        classes=None,
        scores=None,
    )


def of_findings(names: Sequence[str]) -> Judge:
    """The judge of several findings; statistics are means over the findings."""
    checks.strings("classes", names)
    mean = f"mean of {len(names)} findings" if names else "mean of the findings"
    return Judge(
        check=functools.partial(class_checks.wrong_findings, names),
        table=_row_per_example,
        statistics=_statistics(FINDINGS, _probabilities),
        figures=functools.partial(_finding_figures, names),
        summary=functools.partial(_finding_summary, names),
        answer=lambda outputs: {"probabilities": outputs["probabilities"]},
        names={"probabilities": names} if names else {},
        subjects=dict.fromkeys(FINDINGS, mean),
        scores=label_scores,
    )


def _of_classes(names: Sequence[str], statistics: Sequence[str]) -> Judge:
    of_two = len(names) == 2
    subject = names[1] if of_two else f"mean of {len(names)} classes"
    return Judge(
        check=functools.partial(class_checks.wrong_classes, names),
        table=_row_per_example,
        statistics=_statistics(statistics, _probabilities),
        figures=functools.partial(_figures, names),
        summary=functools.partial(_summary, names),
        answer=_most_probable,
        strata=lambda columns: columns["label"],
        names={"probabilities": names, "class": names},
        decided=functools.partial(_of_two_classes_decided, names, statistics) if of_two else None,
        subjects={name: subject for name in _OF_ONE_CLASS if name in statistics},
        areas=AREAS if of_two else (),
        proportions=PROPORTIONS if of_two else {},
        of_one_class=DEFINED_IN_ONE_CLASS,
        classes=Classes(
            names,
            truth=lambda columns: columns["label"],
            probabilities=lambda outputs: outputs["probabilities"],
            replaced=_with_probabilities,
            chosen=lambda outputs: _most_probable(outputs)["class"],
        ),
        scores=_class_scores,
    )


def _with_probabilities(outputs: Outputs, probabilities: Array) -> Outputs:
    """The outputs with other probabilities, without what was counted from the first ones."""
    kept = {name: value for name, value in outputs.items() if name not in FROM_PROBABILITIES}
    return {**kept, "probabilities": probabilities}


def label_scores(outputs: Outputs) -> Array:
    """Log odds of each label [rows, labels]: the network's own, or else those of the probability.

    An ensemble has no logits of its own, because it averages probabilities.
    """
    if "logits" in outputs:
        return outputs["logits"]
    probabilities = outputs["probabilities"]
    positive = jnp.log(jnp.maximum(probabilities, _SMALLEST))
    return positive - jnp.log(jnp.maximum(1 - probabilities, _SMALLEST))


def _class_scores(outputs: Outputs) -> Array:
    """A logit per class [rows, classes]: the network's own, or else the log of the probability.

    Of one logit for two classes, that of the first class is the negative one.
    """
    probabilities = outputs["probabilities"]
    logits = outputs.get("logits")
    if logits is None or (logits.shape != probabilities.shape and probabilities.shape[1] > 2):
        return jnp.log(jnp.maximum(probabilities, _SMALLEST))
    if logits.shape == probabilities.shape:
        return logits
    of_positive = logits.reshape(-1)
    return jnp.stack([-of_positive, of_positive], axis=1)


def _of_two_classes_decided(names: Sequence[str], statistics: Sequence[str]) -> Judge:
    """The judge of two classes of which the second is chosen from a threshold on."""
    judge = _of_classes(names, statistics)
    assert judge.classes is not None
    return dataclasses.replace(
        judge,
        table=_row_with_threshold,
        statistics=_statistics(statistics, _decisions),
        figures=functools.partial(_decided_figures, names),
        answer=_reaching_the_threshold,
        notes=lambda table: (_threshold_sentence(names, table),),
        classes=dataclasses.replace(
            judge.classes, chosen=lambda outputs: _reaching_the_threshold(outputs)["class"]
        ),
    )


def _statistics(
    names: Iterable[str], decisions: Callable[[Columns], np.ndarray]
) -> dict[str, Statistic]:
    """Statistics of a table by name.

    Args:
        names: of functions of `jaxmed.metrics`.
        decisions: `table -> probabilities` [rows, classes], the largest of which is the decision.
    """
    read = {name: _probabilities if name in _OF_PROBABILITIES else decisions for name in names}
    return {name: _of_table(getattr(metrics, name), read[name]) for name in read}


def _of_table(
    statistic: Callable[..., object], prediction: Callable[[Columns], np.ndarray]
) -> Statistic:
    def of(table: Columns, weights: np.ndarray | None) -> object:
        return statistic(table["label"], prediction(table), weights)

    return of


def _probabilities(table: Columns) -> np.ndarray:
    return table["probabilities"]


def _decisions(table: Columns) -> np.ndarray:
    """1 for the class that the threshold chooses and 0 for the other [rows, 2]."""
    positive = table["probabilities"][:, 1] >= table["threshold"]
    return np.stack([~positive, positive], axis=1).astype(np.float32)


def _row_per_example(columns: Columns, outputs: Columns) -> Columns:
    return {"label": columns["label"], "probabilities": outputs["probabilities"]}


def _row_with_threshold(columns: Columns, outputs: Columns) -> Columns:
    return {**_row_per_example(columns, outputs), "threshold": outputs["threshold"]}


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


def _reaching_the_threshold(outputs: Outputs) -> Outputs:
    probabilities = outputs["probabilities"]
    positive = probabilities[:, 1] >= outputs["threshold"]
    chosen = jnp.where(positive, probabilities[:, 1], probabilities[:, 0])
    return {"class": positive.astype(jnp.int32), "probability": chosen}


def _threshold_sentence(names: Sequence[str], table: Columns) -> str:
    low, high = table["threshold"].min(), table["threshold"].max()
    # As many digits as tell the threshold from other probabilities.
    words = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    return f"Threshold: {names[1]} is decided where its probability is at least {words}."


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
    caption = "Confusion matrix: the predicted class is the one of the largest probability."
    yield from _class_figures(names, table, _probabilities(table), caption)


def _decided_figures(names: Sequence[str], table: Columns) -> Figures:
    caption = f"Confusion matrix. {_threshold_sentence(names, table)}"
    yield from _class_figures(names, table, _decisions(table), caption)


def _class_figures(
    names: Sequence[str], table: Columns, decisions: np.ndarray, caption: str
) -> Figures:
    from jaxmed import plots

    yield from _curves(names, table, names[1] if len(names) == 2 else "")
    yield "confusion_matrix", plots.confusion_matrix(table["label"], decisions, names), caption


def _finding_figures(names: Sequence[str], table: Columns) -> Figures:
    yield from _curves(names, table, "")


def _curves(names: Sequence[str], table: Columns, positive: str) -> Figures:
    from jaxmed import plots

    label = table["label"]
    given = label, table["probabilities"], names or None
    of = f" of {positive}" if positive else ""
    if np.any(label.min(0) < label.max(0)):
        caption = f"ROC{of}: sensitivity against 1 \N{MINUS SIGN} specificity over all thresholds."
        yield "roc", plots.roc_curves(*given), caption
        caption = f"Precision against recall{of} over all thresholds; chance is the class's share."
        yield "precision_recall", plots.precision_recall_curves(*given), caption
    caption = (
        f"Reliability{of}: how often what was predicted with a probability came true, with 95 % "
        "Wilson intervals, and how many cases stand behind each point."
    )
    yield "reliability", plots.reliability_diagram(*given), caption
