"""Evaluation of models: predictions of a split, statistics with intervals, reports.

By file: `evaluate.py` has the statistics of a split, `operating_points.py` thresholds for a
required sensitivity or specificity, `decisions.py` and `decision_table.py` what a model does at
one, `decision_curves.py` net benefit.
"""

from jaxmed.evaluation.calibration import Calibration, calibrated, fit_calibration
from jaxmed.evaluation.decision_curves import DecisionCurve, decision_curve_analysis
from jaxmed.evaluation.decision_table import DecisionTable, decision_table
from jaxmed.evaluation.decisions import OperatingPoint, operating_point
from jaxmed.evaluation.evaluate import Evaluation, compute_metrics, evaluate
from jaxmed.evaluation.operating_points import (
    threshold_for_sensitivity,
    threshold_for_specificity,
)
from jaxmed.evaluation.predict import losses, predict
from jaxmed.evaluation.tables import metrics_table, write_predictions

__all__ = [
    "Calibration",
    "DecisionCurve",
    "DecisionTable",
    "Evaluation",
    "OperatingPoint",
    "calibrated",
    "compute_metrics",
    "decision_curve_analysis",
    "decision_table",
    "evaluate",
    "fit_calibration",
    "losses",
    "metrics_table",
    "operating_point",
    "predict",
    "threshold_for_sensitivity",
    "threshold_for_specificity",
    "write_predictions",
]
