"""Calibration: probabilities that agree with observed frequencies, fitted on validation rows.

`fit_calibration` fits a map of probabilities on arrays, `calibrated` makes a model from a model.

=============  ===============================================  ====================================
method         map of the probabilities p                       fitted
=============  ===============================================  ====================================
temperature    softmax(log p / T)                               T; Guo et al. 2017, section 4.2
vector         softmax(w_k log p_k + b_k)                       w, b of each class; Guo et al. 2017
platt          sigmoid(a log(p / (1 - p)) + b)                  a, b; Platt 1999
beta           sigmoid(a log p - b log(1 - p) + c)              a, b >= 0, c; Kull et al. 2017
isotonic       a rising function, linear between its corners    Zadrozny and Elkan 2002
=============  ===============================================  ====================================

Platt, beta and isotonic calibration are of the positive class of two. Of more classes each is
calibrated against the rest, and the results are divided by their sum. Platt's fit is the plain one,
without his smoothed targets.

A model is calibrated for the population of its validation rows. Elsewhere, with other scanners,
prevalence or referral, calibration can make its probabilities worse: measure it there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxmed import checks
from jaxmed.data.source import Source
from jaxmed.evaluation import isotonic, scaling
from jaxmed.evaluation.class_rows import check_training_rows, class_rows, model_classes
from jaxmed.metrics.arguments import check_sums, class_probabilities, label_and_probabilities
from jaxmed.tasks import Classes, Judge, Model
from jaxmed.tasks.judge import Figures
from jaxmed.tasks.with_outputs import with_outputs
from jaxmed.typing import AnyArray, Columns, Float, Num, Outputs, Tree

Fit: TypeAlias = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
Map: TypeAlias = Callable[[Mapping[str, Any], Any], Any]

METHODS: dict[str, tuple[Fit, Map]] = {
    "temperature": (scaling.fit_temperature, scaling.temperature_map),
    "vector": (scaling.fit_vector, scaling.vector_map),
    "platt": (scaling.fit_platt, scaling.platt_map),
    "beta": (scaling.fit_beta, scaling.beta_map),
    "isotonic": (isotonic.fit_isotonic, isotonic.isotonic_map),
}
"""By name: `(label, probabilities) -> values` and `(values, probabilities) -> probabilities`."""
UNCALIBRATED = "uncalibrated"
"""The output of a calibrated model that holds the probabilities before calibration."""
_LEAST_ROWS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Calibration:
    """A map from probabilities to calibrated ones.

    Attributes:
        method: one of `METHODS`.
        values: what was fitted, arrays by name.
        classes: how many there are.
        rows: how many it was fitted on.
        before: log loss of these rows in nats, as they were predicted.
        after: the same, calibrated. It is too good, as every fit is on its own rows.
    """

    method: str
    values: Mapping[str, np.ndarray]
    classes: int
    rows: int
    before: float
    after: float

    def apply(self, probabilities: AnyArray) -> Any:
        """Calibrated probabilities [rows, classes].

        Args:
            probabilities: [rows, classes] in [0, 1], whose rows sum to 1; of NumPy, calibrated in
                float64, or of JAX, also traced.

        Raises:
            ValueError: if the shape is another.
        """
        if not isinstance(probabilities, jax.Array):
            probabilities = class_probabilities(probabilities)
        checks.shapes(probabilities=(probabilities, "rows classes"))
        if probabilities.shape[1] != self.classes:
            raise ValueError(
                f"probabilities has shape {probabilities.shape}, but the calibration is of "
                f"{self.classes} classes: pass one column per class."
            )
        return _mapped(self.method, self.values, probabilities)


def fit_calibration(
    label: Num[np.ndarray, " rows"],
    probabilities: Float[np.ndarray, "rows classes"],
    *,
    method: str = "temperature",
) -> Calibration:
    """The map of one method with the smallest log loss, for isotonic the smallest squared error.

    Temperature scaling never raises the log loss of these rows and never changes which class is
    most probable. With few rows, prefer it; isotonic calibration wants about a thousand.

    Args:
        label: true classes [rows], of validation rows: not of rows that were trained on.
        probabilities: predicted for them [rows, classes].
        method: `temperature`, `vector`, `platt`, `beta` or `isotonic`.

    Returns:
        The map with its values.

    Raises:
        ValueError: if there are fewer than 10 rows, a class has none, values lie outside their
            range, or no fit is best: of classes that are separated without error, more confidence
            is always better.

    Example:
        >>> label = np.array([0, 0, 0, 1, 0, 1, 1, 1, 0, 1])
        >>> p = np.array([0.01, 0.01, 0.01, 0.01, 0.01, 0.99, 0.99, 0.99, 0.99, 0.99])
        >>> found = fit_calibration(label, np.stack([1 - p, p], axis=1))
        >>> found.apply(np.array([[0.01, 0.99]])).round(3)  # 4 of 5 were right
        array([[0.2, 0.8]])
    """
    checks.known("method", method, METHODS)
    label, probabilities = label_and_probabilities(label, probabilities)
    checks.shapes(label=(label, "rows"))
    check_sums(probabilities)
    rows, classes = probabilities.shape
    if rows < _LEAST_ROWS:
        raise ValueError(
            f"label has {rows} rows, but calibration needs at least {_LEAST_ROWS}: use more "
            "validation rows."
        )
    label, probabilities = label.astype(np.int64), probabilities.astype(np.float64)
    probabilities = np.clip(probabilities, 0, 1)
    missing = np.flatnonzero(np.bincount(label, minlength=classes) == 0)
    if len(missing):
        raise ValueError(
            f"label has no row of class {missing[0]} of {classes}, but calibration needs rows of "
            "every class: use a split that has them."
        )
    values = METHODS[method][0](label, probabilities)
    before, after = (
        scaling.mean_log_loss(label, given)
        for given in (
            probabilities / probabilities.sum(axis=1, keepdims=True),
            _mapped(method, values, probabilities),
        )
    )
    return Calibration(method, values, classes, rows, before, after)


def calibrated(
    model: Model,
    validation: Columns | Source,
    *,
    method: str = "temperature",
    train: Columns | Source | None = None,
) -> Model:
    """The same model with calibrated probabilities.

    Also an ensemble or another model without logits can be calibrated: the logarithms of the
    probabilities are the logits. The decided class stays the same with temperature scaling, and can
    be another one with all others. Choose a threshold afterwards, by calibrated probabilities.

    Args:
        model: of one class per example.
        validation: columns or a source with labels, that the model was not trained on.
        method: `temperature`, `vector`, `platt`, `beta` or `isotonic`, see `fit_calibration`.
        train: what the model was trained on. Rows that stand in both are then refused: those of
            the same `id` and content, or of the same content where there is no `id` or where they
            are more than a tenth. Fewer copies under another `id` are counted in the notes.

    Returns:
        The model. Its outputs hold the calibrated probabilities and, as `uncalibrated`, those of
        `model`; its answers also the `uncalibrated_probability` of the decided class. What was
        fitted is part of its state: it is saved and exported with it.

    Raises:
        ValueError: if the model does not answer with one class per example or decides at a
            threshold, rows were trained on, or for a reason of `fit_calibration`.

    References:
        Guo et al., On Calibration of Modern Neural Networks, 2017; Platt, Probabilistic Outputs for
        Support Vector Machines, 1999; Kull et al., Beta calibration, 2017; Zadrozny and Elkan,
        Transforming Classifier Scores into Accurate Multiclass Probability Estimates, 2002.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    checks.known("method", method, METHODS)
    classes = model_classes(model, "calibration")
    found = class_rows(model, validation, classes, name="validation")
    if "threshold" in found.outputs:
        raise ValueError(
            "model decides at a threshold of uncalibrated probabilities: calibrate the model "
            "first, then choose a threshold and call with_threshold."
        )
    copies = 0 if train is None else check_training_rows(validation, train, name="validation")
    fitted = fit_calibration(found.truth, found.predicted, method=method)

    def change(values: Mapping[str, Tree], outputs: Outputs) -> Outputs:
        given = classes.probabilities(outputs)
        changed = _mapped(method, values["calibration"], given)
        return {**classes.replaced(outputs, changed), UNCALIBRATED: given}

    judge = _judge(model.task.judge, classes, _note(fitted, copies))
    return with_outputs(model, {"calibration": fitted.values}, change, judge)


def _judge(judge: Judge, classes: Classes, note: str) -> Judge:
    """The judge of calibrated probabilities, whose tables and answers tell the others too."""

    def table(columns: Columns, outputs: Columns) -> Columns:
        return {**judge.table(columns, outputs), UNCALIBRATED: outputs[UNCALIBRATED]}

    def answer(outputs: Outputs) -> Outputs:
        said = judge.answer(outputs)
        before = jnp.take_along_axis(outputs[UNCALIBRATED], said["class"][:, None], axis=1)
        return {**said, "uncalibrated_probability": before[:, 0]}

    def figures(found: Columns) -> Figures:
        from jaxmed import plots

        for name, figure, caption in judge.figures(found):
            if name != "reliability":
                yield name, figure, caption
                continue
            label, after = classes.truth(found), classes.probabilities(found)
            both = plots.reliability_diagram(
                label, after, classes.names, before=found[UNCALIBRATED]
            )
            yield name, both, f"{caption} Hollow and dashed: before calibration."

    decided = judge.decided
    return dataclasses.replace(
        judge,
        table=table,
        figures=figures,
        answer=answer,
        names={**judge.names, UNCALIBRATED: classes.names},
        notes=lambda found: (*judge.notes(found), note),
        decided=None if decided is None else lambda: _judge(decided(), classes, note),
    )


def _note(fitted: Calibration, copies: int) -> str:
    twice = f", of which {copies:,} are copies of training rows" if copies else ""
    rows = f"{fitted.rows:,} validation rows{twice}"
    return (
        f"Probabilities are calibrated ({fitted.method}) on {rows}; their log loss went from "
        f"{fitted.before:.4f} to {fitted.after:.4f}."
    )


def _mapped(method: str, values: Mapping[str, Any], probabilities: Any) -> Any:
    if isinstance(probabilities, jax.Array):  # small probabilities need float32
        wide = jnp.promote_types(probabilities.dtype, jnp.float32)
        return METHODS[method][1](values, probabilities.astype(wide))
    return METHODS[method][1](values, probabilities)
