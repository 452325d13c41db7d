"""Evaluation of models: predictions of a split, statistics with intervals, reports."""

from jaxmed.evaluation.calibration import Calibration, calibrated, fit_calibration
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.tables import metrics_table, write_predictions

__all__ = [
    "Calibration",
    "Evaluation",
    "calibrated",
    "compute_metrics",
    "evaluate",
    "fit_calibration",
    "losses",
    "metrics_table",
    "predict",
    "write_predictions",
]
