"""Ridge regression on features of signals, as a model.

Features that nothing trains, such as those of MiniRocket and Hydra, with ridge regression: with few
whole time series to learn from it is hard to beat. What is fitted in closed form here is a linear
layer, so the model is evaluated, saved and averaged with others as a trained one.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from jaxmed import checks, tasks
from jaxmed.baselines.ridge import PENALTIES, ridge_head
from jaxmed.fitted import Fitted
from jaxmed.models import MLP
from jaxmed.tasks.arguments import class_names
from jaxmed.tasks.task import Model
from jaxmed.typing import Columns, Float

_ROWS = 256  # whose features are computed at a time


def fit_feature_ridge(
    inputs: Fitted,
    train: Columns,
    *,
    classes: Sequence[str],
    penalties: Sequence[float] = PENALTIES,
) -> Model:
    """The classifier of a linear layer on `inputs` that ridge regression fits.

    Args:
        inputs: features [rows, width] of columns, with constants counted from `train`, such as
            `models.minirocket()` or `models.hydra()`.
        train: what `inputs` reads, and `label` [rows].
        classes: names in the order of the labels; every class has rows.
        penalties: as in `ridge_head`.

    Returns:
        A model of the task of `tasks.classification`, with the head of `ridge_head`.

    Raises:
        ValueError: for labels that do not hold each of `classes`, or features that are not finite.

    References:
        Dempster, Schmidt and Webb, MiniRocket, 2021, section 3.4: ridge regression below 10,000
        rows, and a trained linear layer above.
    """
    checks.made_by("inputs", inputs, Fitted, "features with counted constants")
    classes = class_names(classes)
    checks.named_columns("train", train)
    if "label" not in train:
        raise ValueError(f"train holds {sorted(train)}, but needs a column `label` of classes.")
    kernel, bias = ridge_head(_features(inputs, train), train["label"], penalties=penalties)
    if len(bias) != len(classes):
        raise ValueError(
            f"train holds {len(bias)} classes, but classes names {len(classes)}: give rows of each."
        )
    task = tasks.classification(MLP((), outputs=len(classes)), classes=classes, inputs=inputs)
    first = {name: value[:1] for name, value in train.items()}
    params, state = task.init(jax.random.key(0), first, task.constants(train))
    head = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
    return Model(task, {**params, "Dense_0": head}, state)


def _features(inputs: Fitted, train: Columns) -> Float[np.ndarray, "rows width"]:
    constants = inputs.counts.constants(inputs.counts.sums(train))
    apply = jax.jit(inputs.apply)
    parts = [
        np.asarray(apply(constants, {n: v[start : start + _ROWS] for n, v in train.items()}))
        for start in range(0, len(train["label"]), _ROWS)
    ]
    return np.concatenate(parts)
