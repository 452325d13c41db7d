"""From which uncertainty on a classifier should abstain, chosen on validation data."""

from __future__ import annotations

import math

import jax
import numpy as np

from jaxmed import checks
from jaxmed.data import batches
from jaxmed.data.source import Source
from jaxmed.evaluation.class_rows import checked_predictions
from jaxmed.evaluation.predict import predictions
from jaxmed.tasks import Model
from jaxmed.tasks.uncertainty import uncertainty_of
from jaxmed.typing import Columns


def abstention_threshold(
    model: Model,
    validation: Columns | Source,
    *,
    by: str = "entropy",
    retained: float | None = None,
    error: float | None = None,
    batch_size: int = 512,
) -> float:
    """The threshold for `transforms.with_abstention`, from rows that the model was not trained on.

    With `retained`, the smallest one at which at least that share of the rows is answered. With
    `error`, the largest one at which at most that share of the answered rows is wrong, by the class
    that the model decides for. Rows of equal uncertainty are answered together. The share and the
    error hold on the validation rows; on others they vary, and where patients differ from these
    they do not hold at all.

    Args:
        model: that answers with one of several classes.
        validation: columns or a source, with the true classes if `error` is given.
        by: what is uncertain, as in `with_abstention`.
        retained: share of rows to answer, in (0, 1]; either this or `error`.
        error: highest error rate of the answered rows, in [0, 1).
        batch_size: rows at a time.

    Returns:
        Between the uncertainty of the last row that is answered and of the next one; a little
        above the last one where all are answered.

    Raises:
        ValueError: if neither or both of `retained` and `error` are given, an argument is out of
            range, the true classes are missing or not those of the task, or no threshold keeps
            the error.
    """
    checks.made_by("model", model, Model, "a Model, such as fit(...).model")
    if (retained is None) == (error is None):
        raise ValueError(
            f"retained is {retained} and error is {error}, but must be one number and None: say "
            "which of both to keep."
        )
    if retained is not None:
        checks.fraction("retained", retained, above_zero=True)
    else:
        checks.fraction("error", error, below_one=True)
    measured = uncertainty_of(model.task.judge, by)
    classes = model.task.judge.classes
    assert classes is not None  # checked by uncertainty_of
    found, wrong = [], []
    if error is None:
        read = predictions(model, batches.opened(validation, "validation"), batch_size)
    else:
        read = checked_predictions(model, validation, name="validation", batch_size=batch_size)
    for columns, given in read:
        outputs = jax.device_put(given)
        found.append(np.asarray(measured(outputs), np.float64))
        if error is not None:
            wrong.append(np.asarray(classes.chosen(outputs)) != classes.truth(columns))
    uncertainty = np.concatenate(found)
    order = np.argsort(uncertainty, kind="stable")
    ascending = uncertainty[order]
    last = np.append(np.diff(ascending) > 0, True)  # rows of equal uncertainty go together
    if retained is not None:
        least = math.ceil(float(retained) * len(order) - 1e-9)
        fits = last & (np.arange(1, len(order) + 1) >= least)
        chosen = int(np.flatnonzero(fits)[0])
    else:
        rate = np.cumsum(np.concatenate(wrong)[order]) / np.arange(1, len(order) + 1)
        fits = last & (rate <= float(error or 0))
        if not fits.any():
            raise ValueError(
                f"error is {error}, but the most certain rows are wrong in "
                f"{rate[last][0]:.3g} of cases: allow more, or measure uncertainty otherwise."
            )
        chosen = int(np.flatnonzero(fits)[-1])
    if chosen == len(order) - 1:
        return float(ascending[chosen]) * (1 + 1e-5)
    return float(ascending[chosen : chosen + 2].mean())
