"""Models that give a set of classes, or an interval, which holds the truth as often as asked."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.class_rows import check_training_rows, checked_predictions
from jaxmed.evaluation.conformal_intervals import INTERVAL_METHODS, float32_scores, widened
from jaxmed.evaluation.conformal_judges import INTERVAL, SET, with_intervals, with_sets
from jaxmed.evaluation.conformal_quantile import conformal_quantile, exact
from jaxmed.evaluation.conformal_scores import METHODS, class_scores, of_label, regularized
from jaxmed.evaluation.conformal_sets import BY_CLASS, class_thresholds, group_thresholds
from jaxmed.evaluation.predict import check_running
from jaxmed.tasks import Model
from jaxmed.tasks.with_outputs import predicting, with_outputs
from jaxmed.typing import Array, Batch, Columns, Outputs, Tree

_GROUP = "conformal group"
"""Where outputs hold the group of each row until its threshold is found."""


def conformal(
    model: Model,
    calibration: Columns | Source,
    *,
    level: float = 0.9,
    method: str | None = None,
    by: str | None = None,
    regularization: tuple[float, int] | None = None,
    train: Columns | Source | None = None,
    batch_size: int = 512,
) -> Model:
    """The same model, which also gives a set of classes, or an interval, that holds the truth.

    A model of classes gives `set` [rows, classes], a model of one number `interval` [rows, 2]; both
    stand in its answers and in what is exported. Its other outputs stay as they are. The
    thresholds are counted on the calibration rows by split conformal prediction; formulas and
    sources are those of `fit_sets` and `fit_intervals`.

    **Guaranteed**, whatever the model: if calibration rows and a new row are exchangeable, the set
    or interval holds the truth with a probability of at least `level`; with `by`, also among the
    rows of each class or group.

    **Not guaranteed**:

    - Coverage after one calibration is not `level` but varies around it, see `coverage_law`.
    - It is an average over all rows. Patients of one kind may be covered less often, unless `by`
      names the kind.
    - New rows from another hospital, device or time are not exchangeable with the calibration: test
      it with `exchangeability_test`.
    - Rows that the model was trained on, or that chose its settings or when to stop, calibrate too
      narrowly.
    - It says nothing about one patient.

    Args:
        model: of one class per row, or of one number.
        calibration: columns or a source with targets, not used for training.
        level: asked coverage, in (0, 1).
        method: "threshold" (the default), "aps" or "raps" of classes, none of them randomized;
            "residual" or "cqr" of a number, by default cqr where the model predicts quantiles.
        by: None for one threshold; "class" for one per class; the name of a column of whole numbers
            for one per group, which the model then reads too. A row of a group that was not in
            the calibration has the set of all classes, or an interval without ends.
        regularization: of RAPS, a penalty and a free rank; by default chosen on a fifth of the
            calibration rows.
        train: the training split, to make sure that none of its rows calibrates.
        batch_size: rows at a time.

    Returns:
        The model; its evaluation has the statistics `coverage`, and `set_size` or `interval_width`.

    Raises:
        ValueError: if the model predicts neither classes nor a number, a calibration row was
            trained on, or there are too few rows for the level, in all or of a class or group; it
            says how many are needed.
    """
    check_running(model, batch_size, None, 0)
    exact(level)
    calibration = batches.opened(calibration, "calibration")
    if by is not None:
        checks.text("by", by)
    judge = model.task.judge
    if judge.classes is None and judge.values is None:
        raise ValueError(
            "model predicts neither one class per row nor a number, which sets and intervals are "
            "made of: use a model of classification or regression."
        )
    if train is not None:
        check_training_rows(calibration, train, name="calibration")
    column = None if by in (None, BY_CLASS) else by
    read = _Calibration(calibration, batch_size, level, column)
    if judge.classes is not None:
        return _with_sets(model, read, method, by == BY_CLASS, regularization)
    of_classes = {"by": by if column is None else None, "regularization": regularization}
    for name, value in of_classes.items():
        if value is not None:
            raise ValueError(
                f"{name} is {checks.shown(value)}, but a number has no classes: leave it out."
            )
    return _with_intervals(model, read, method)


@dataclasses.dataclass(frozen=True)
class _Calibration:
    """The calibration rows, and what is asked of them.

    Attributes:
        data: columns or a source.
        batch_size: rows at a time.
        level: asked coverage.
        column: of the groups, or None.
    """

    data: Columns | Source
    batch_size: int
    level: float
    column: str | None

    def predicted(
        self, model: Model, read: Callable[[Outputs], Any], truth: Callable[[Columns], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Predictions, truths and groups of all rows, after checks."""
        predicted, true, groups = [], [], []
        for columns, outputs in checked_predictions(
            model, self.data, name="calibration", batch_size=self.batch_size
        ):
            predicted.append(np.asarray(read(outputs)))
            true.append(np.asarray(truth(columns)))
            if self.column is not None:
                groups.append(_groups(columns, self.column))
        found = np.concatenate(groups) if groups else None
        return np.concatenate(predicted), np.concatenate(true), found

    def thresholds(self, scores: np.ndarray, groups: np.ndarray | None) -> dict[str, np.ndarray]:
        """One threshold, or one per group with the groups' names."""
        if groups is None:
            return {"thresholds": np.array([conformal_quantile(scores, self.level)])}
        names, found = group_thresholds(scores, groups, self.level)
        return {"thresholds": found, "groups": names}

    @property
    def note(self) -> str:
        """What a reader of the coverage must know."""
        within = "" if self.column is None else f" of each {self.column}"
        return (
            f"Conformal, {self.level:.4g} asked: holds on average over rows{within} that are "
            "exchangeable with the calibration rows."
        )


def _with_sets(
    model: Model, asked: _Calibration, method: str | None, by_class: bool, regularization: Any
) -> Model:
    method = "threshold" if method is None else method
    checks.known("method", method, METHODS)
    classes = model.task.judge.classes
    assert classes is not None
    probabilities, label, groups = asked.predicted(model, classes.probabilities, classes.truth)
    label = label.astype(np.int64)
    kept, penalty, free_rank = regularized(
        method, label, probabilities.astype(np.float64), asked.level, None, regularization, 0
    )
    scored = functools.partial(class_scores, jnp, method)
    # In float32, as the model computes them.
    scores = jax.jit(scored)(jnp.asarray(probabilities), penalty=penalty, free_rank=free_rank)
    true = of_label(np.asarray(scores), label)[kept]
    if by_class:
        found = {"thresholds": class_thresholds(true, label[kept], len(classes.names), asked.level)}
    else:
        found = asked.thresholds(true, None if groups is None else groups[kept])
    values = {**found, "penalty": np.float32(penalty), "free_rank": np.int32(free_rank)}

    def change(values: Mapping[str, Tree], outputs: Outputs) -> Outputs:
        own = values["conformal"]
        scores = scored(
            classes.probabilities(outputs), penalty=own["penalty"], free_rank=own["free_rank"]
        )
        limits = own["thresholds"][None] if by_class else _limits(own, outputs)[:, None]
        return {**_without_group(outputs), SET: scores <= limits}

    note = asked.note.replace("over rows", "over rows of each class") if by_class else asked.note
    return _changed(model, asked.column, values, change, with_sets(model.task.judge, note))


def _with_intervals(model: Model, asked: _Calibration, method: str | None) -> Model:
    judge = model.task.judge
    values = judge.values
    assert values is not None
    if method is None:
        method = "residual" if values.interval is None else "cqr"
    checks.known("method", method, INTERVAL_METHODS)
    if method == "cqr" and values.interval is None:
        raise ValueError(
            "method is 'cqr', but the model predicts no quantiles: use 'residual', or train "
            "tasks.quantile_regression."
        )
    read = values.value if method == "residual" else values.interval
    assert read is not None
    predicted, label, groups = asked.predicted(model, read, values.truth)
    found = asked.thresholds(float32_scores(method, predicted, label), groups)

    def change(values: Mapping[str, Tree], outputs: Outputs) -> Outputs:
        limits = _limits(values["conformal"], outputs)
        interval = widened(jnp, method, read(outputs), limits)
        return {**_without_group(outputs), INTERVAL: interval}

    return _changed(model, asked.column, found, change, with_intervals(judge, asked.note))


def _changed(model: Model, column: str | None, values: Tree, change: Any, judge: Any) -> Model:
    if column is not None:
        model = _with_group(model, column)
    # The model's own numbers are float32 and int32.
    values = {
        name: np.asarray(x, np.float32 if np.asarray(x).dtype.kind == "f" else np.int32)
        for name, x in values.items()
    }
    return with_outputs(model, {"conformal": values}, change, judge)


def _limits(own: Mapping[str, Array], outputs: Outputs) -> Array:
    """The threshold of each row [rows] or [1]; infinite in a group that was not calibrated."""
    if "groups" not in own:
        return own["thresholds"]
    equal = outputs[_GROUP][:, None] == own["groups"][None]
    found = own["thresholds"][jnp.argmax(equal, axis=1)]
    return jnp.where(equal.any(axis=1), found, jnp.inf)


def _without_group(outputs: Outputs) -> Outputs:
    return {name: value for name, value in outputs.items() if name != _GROUP}


def _with_group(model: Model, column: str) -> Model:
    """The model whose outputs also hold a column of the batch."""

    def with_column(outputs: Outputs, batch: Batch) -> Outputs:
        if column not in batch:
            raise ValueError(
                f"data has no column {column!r} of numbers, by which sets were fitted: add it."
            )
        return {**outputs, _GROUP: batch[column]}

    return dataclasses.replace(model, task=predicting(model.task, with_column))


def _groups(columns: Columns, column: str) -> np.ndarray:
    """The group of each row; refused where a model could not read it."""
    if column == "group":
        raise ValueError(
            "by is 'group', which stays on the host and no model reads: give the column another "
            "name."
        )
    if column not in columns:
        raise ValueError(
            f"by is {checks.shown(column)}, but calibration has the columns "
            f"{', '.join(columns)}: name one of them, or 'class'."
        )
    found = np.asarray(columns[column])
    small = found.dtype.kind in "biu" and found.ndim == 1
    if not small or np.abs(found.astype(np.int64)).max(initial=0) >= 2**31:
        raise ValueError(
            f"by is {column!r}, whose column is {checks.shown(found)}, but must hold one whole "
            "number of 32 bits per row: number the groups."
        )
    return found.astype(np.int32)
