"""How a prediction is counted: exact statistics of arrays on the host, with intervals.

`jaxmed.metrics.auroc(label, probabilities)` is exact. The metrics that training adds up on the
device are those of `jaxmed.metrics.streaming`.
"""

from jaxmed.metrics.bootstrap import Interval, bootstrap_weights, interval
from jaxmed.metrics.classification import (
    accuracy,
    auroc,
    average_precision,
    balanced_accuracy,
    brier,
    cohen_kappa,
    confusion_matrix,
    f1,
    f1_macro,
    f1_weighted,
    grade_mae,
    log_loss,
    matthews_correlation,
    precision,
    quadratic_kappa,
    sensitivity,
    specificity,
)
from jaxmed.metrics.delong import DeLongTest, delong_interval, delong_test, delong_variance
from jaxmed.metrics.regression import mae, r2, rmse

__all__ = [
    "DeLongTest",
    "Interval",
    "accuracy",
    "auroc",
    "average_precision",
    "balanced_accuracy",
    "bootstrap_weights",
    "brier",
    "cohen_kappa",
    "confusion_matrix",
    "delong_interval",
    "delong_test",
    "delong_variance",
    "f1",
    "f1_macro",
    "f1_weighted",
    "grade_mae",
    "interval",
    "log_loss",
    "mae",
    "matthews_correlation",
    "precision",
    "quadratic_kappa",
    "r2",
    "rmse",
    "sensitivity",
    "specificity",
]
