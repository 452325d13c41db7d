"""Evaluation of models: predictions of a split, statistics with intervals, reports."""

from jaxmed.evaluation.abstention import abstention_threshold
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.tables import metrics_table, write_predictions

__all__ = [
    "Evaluation",
    "abstention_threshold",
    "compute_metrics",
    "evaluate",
    "losses",
    "metrics_table",
    "predict",
    "write_predictions",
]
