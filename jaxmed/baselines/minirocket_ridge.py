"""Baseline for signals: ridge regression on the features of MiniRocket.

Dempster et al. 2021 recommend it; among fast classifiers of whole time series it is hard to beat.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxmed import checks, metrics
from jaxmed.metrics.arguments import check_rows
from jaxmed.models.minirocket import minirocket
from jaxmed.typing import Columns, Float, Int, Num

NAME = "MiniRocket + ridge"
"""How results name it."""
PENALTIES = tuple(np.logspace(-1, 5, 13).tolist())
"""Strengths of the L2 penalty, of which leave-one-out cross-validation of training rows chooses."""
_ROWS = 256  # whose features are computed at a time


def minirocket_summary(train: Columns, test: Columns, *, features: int = 9_996) -> dict[str, float]:
    """Metrics of a result.

    Args:
        train: columns `signal` [rows, time, channels] and `label` [rows].
        test: the same columns.
        features: of each channel, as in `models.minirocket`.

    Returns:
        `MiniRocket + ridge/accuracy`, `.../f1_macro` and `.../seconds`.
    """
    started = time.perf_counter()
    predict = fit_minirocket_ridge(train["signal"], train["label"], features=features)
    classes = 1 + int(max(train["label"].max(), test["label"].max()))
    decided = np.eye(classes)[predict(test["signal"])]
    return {
        f"{NAME}/accuracy": float(metrics.accuracy(test["label"], decided)),
        f"{NAME}/f1_macro": float(metrics.f1_macro(test["label"], decided)),
        f"{NAME}/seconds": time.perf_counter() - started,
    }


def fit_minirocket_ridge(
    signal: Num[np.ndarray, "rows time channels"],
    label: Int[np.ndarray, " rows"],
    *,
    features: int = 9_996,
    penalties: Sequence[float] = PENALTIES,
) -> Callable[[np.ndarray], np.ndarray]:
    """scikit-learn's `RidgeClassifierCV` on standardized features.

    Args:
        signal: of the training split [rows, time, channels].
        label: classes [rows].
        features: of each channel, as in `models.minirocket`.
        penalties: to choose from, above 0.

    Returns:
        A function of signals [rows, time, channels] that returns classes [rows].

    Raises:
        ValueError: for fewer than two classes, or values that are not finite.
    """
    signal = checks.real_array("signal", signal, "rows time channels").astype(np.float32)
    label = checks.real_array("label", label, "rows")
    checks.shapes(signal=(signal, "rows time channels"), label=(label, "rows"))
    check_rows("signal", signal)
    for number, penalty in enumerate(checks.sequence("penalties", penalties, "numbers")):
        checks.positive(f"penalties[{number}]", penalty)
    if len(np.unique(label)) < 2:
        raise ValueError("label holds one class only, but ridge regression needs at least two.")
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = minirocket(features=features)
    constants = fitted.counts.constants(fitted.counts.sums({"signal": signal}))

    def transformed(rows: np.ndarray) -> Float[np.ndarray, "rows features"]:
        parts = [
            np.asarray(fitted.apply(constants, {"signal": rows[first : first + _ROWS]}))
            for first in range(0, len(rows), _ROWS)
        ]
        return np.concatenate(parts)

    model: Any = make_pipeline(StandardScaler(), RidgeClassifierCV(list(penalties)))
    model.fit(transformed(signal), label)
    return lambda rows: model.predict(transformed(np.asarray(rows, np.float32)))
